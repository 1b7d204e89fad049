"""Containers as a service for OpenStack."""
