"""The one exception that ends the command with a message instead of a trace."""


class QuickstartError(Exception):
    """Something the reader of the message can act upon."""
