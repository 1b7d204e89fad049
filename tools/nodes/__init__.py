"""Real machines for nodes of bays."""
