"""Reconciliation of connections: bring one pair of entities, or many pairs, to the wanted state."""
