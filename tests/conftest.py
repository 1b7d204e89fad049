"""For all tests."""

import magnum.native_threads  # noqa: F401 - before any other import
