"""Programs of Kubernetes for nodes of tests: built from Debian's source package."""
