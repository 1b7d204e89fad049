"""Found before Horizon's own package of that name, as PYTHONPATH comes first."""
