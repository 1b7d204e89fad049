"""The conductor: the process that carries operations out."""
