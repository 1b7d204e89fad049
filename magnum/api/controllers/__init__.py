"""What answers requests: one module per resource."""
