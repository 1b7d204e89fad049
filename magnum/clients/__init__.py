"""Thin clients of the cloud's services."""
