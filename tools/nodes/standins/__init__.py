"""Stand-ins for programs that no package registry has: see README.md."""
