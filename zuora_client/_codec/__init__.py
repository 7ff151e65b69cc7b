"""Requests and JSON: validates and encodes what is sent, decodes what is received. No I/O."""
