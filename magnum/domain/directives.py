"""What nodes may be asked to do: a closed list of verbs, never a script."""

from typing import Final

#: Move what runs on nodes elsewhere, and let nothing begin there. Of a master.
DRAIN: Final = 'drain'
#: Take nodes that are gone out of the cluster. Of a master.
REMOVE: Final = 'remove'
