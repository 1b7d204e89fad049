"""Queries, one module per resource; each works in the session it is given."""
