"""Guests of bays: what distributions' packages give, and what scripts call."""
