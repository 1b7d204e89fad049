"""The HTTP API: one implementation served under two vocabularies."""
