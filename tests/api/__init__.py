"""The API, whole: real pipeline, real database, a small cloud on loopback."""
