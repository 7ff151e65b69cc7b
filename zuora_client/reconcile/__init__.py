"""Reconciliation: bring the connections between entities to the wanted state, for one pair or for many."""
