"""Authorities of bays, what they sign, and where their keys are kept."""
