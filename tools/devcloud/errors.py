"""The one exception that ends a command with a message instead of a trace."""


class DevcloudError(Exception):
    """Something the reader of the message can act upon."""
