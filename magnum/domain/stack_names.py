"""Stack names, derived from the bay so that they can be found again."""

import base64
import re
import uuid

_READABLE = 30
# A node group's stack has two readable parts, and is no longer than a bay's.
_READABLE_PART = 14


def short_id(of_uuid: str) -> str:
    """12 lower-case base32 characters of a uuid (60 of its random bits)."""
    return base64.b32encode(uuid.UUID(of_uuid).bytes)[:12].decode().lower()


def stack_name(bay_name: str, bay_uuid: str) -> str:
    """``<sanitised bay name, at most 30>-<12 characters of the uuid>``."""
    return f'{_readable(bay_name, _READABLE)}-{short_id(bay_uuid)}'


def nodegroup_stack_name(bay_name: str, nodegroup_name: str, nodegroup_uuid: str) -> str:
    """``<bay name>-<node group name>-<12 characters of the node group's uuid>``."""
    bay = _readable(bay_name, _READABLE_PART)
    nodegroup = _sanitised(nodegroup_name)[:_READABLE_PART]
    return '-'.join(filter(None, (bay, nodegroup, short_id(nodegroup_uuid)))).lower()


def common_prefix(bay_name: str) -> str:
    """How the names of a bay's stacks begin: its own, and those of its node groups."""
    return _readable(bay_name, _READABLE_PART)


def _readable(name: str, longest: int) -> str:
    """The part of a name that says something.

    Heat wants a letter first; the rest of a stack's names (servers, host
    names) wants lower case without dots and underscores.
    """
    readable = _sanitised(name)[:longest]
    if not readable[:1].isalpha():
        readable = f'bay-{readable}'[:longest]
    return readable.lower()


def _sanitised(name: str) -> str:
    return re.sub(r'[^A-Za-z0-9-]', '', re.sub(r'[_.]', '-', name))
