"""Real machines for the servers of the development cloud.

See README.md.
"""
