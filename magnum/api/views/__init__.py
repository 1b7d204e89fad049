"""Documents of resources, made from rows."""
