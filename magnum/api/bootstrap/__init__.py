"""The API of nodes: the authority of their bay, and their certificates."""
