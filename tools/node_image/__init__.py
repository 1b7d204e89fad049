"""Images of nodes: the recipe, and how mmdebstrap follows it."""
