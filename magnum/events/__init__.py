"""What users and operators hear of."""
