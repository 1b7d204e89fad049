"""What requests may hold: WSME types, one module per resource."""
