"""For all unit tests of the API."""

import warnings

with warnings.catch_warnings():
    # WebOb imports the module cgi, which warns; the fault is not ours.
    warnings.simplefilter('ignore', DeprecationWarning)
    import webob  # noqa: F401
