"""What an attacker tries against a running service, one file per target."""
