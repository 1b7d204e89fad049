"""``tools/horizon``: Horizon with the panels of Magnum, beside the development cloud.

Only the standard library is needed, since nothing is installed when it starts.
"""
