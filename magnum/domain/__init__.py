"""Rules of the service that need no I/O."""
