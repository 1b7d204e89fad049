"""The exception that ends a command with a message instead of a traceback."""


class ToolError(Exception):
    """Something the reader of the message can act upon."""
