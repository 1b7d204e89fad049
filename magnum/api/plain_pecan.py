"""pecan without coloured pages of errors.

It imports mako, which imports pygments with its lexers where that is
installed: several MiB in every process of the API, for answers that are JSON.
"""

import sys

_COLOURS = 'pygments'

_hidden = _COLOURS not in sys.modules
if _hidden:
    # As if it were not installed, while pecan is imported.
    sys.modules[_COLOURS] = None  # type: ignore[assignment]
try:
    from pecan import core, hooks
finally:
    if _hidden:
        del sys.modules[_COLOURS]

__all__ = ['core', 'hooks']
