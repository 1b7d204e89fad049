"""The service's state in SQL."""
