"""Requests before they are accepted: inheritance, checks, look-ups."""
