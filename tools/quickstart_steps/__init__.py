"""``tools/quickstart``: from a fresh machine to a bay of each kind.

One module for each thing that it does; :mod:`cli` has their order. Only the
standard library is needed, since nothing is installed when it starts.
"""
