"""Console scripts: one small module each."""

import magnum.native_threads  # noqa: F401 - before any other import
