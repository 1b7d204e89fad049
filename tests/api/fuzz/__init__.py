"""Requests that nobody thought of, made of the API's own document."""
