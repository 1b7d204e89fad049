"""Benchmarks: the service under load beside the well-known implementation."""
