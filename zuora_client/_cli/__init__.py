"""The command-line tool ``zuora-connections``: settings and files in, calls of the public API, tables or JSON out."""
