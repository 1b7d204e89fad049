"""Stateful stand-ins of the cloud, checked against the real one."""
