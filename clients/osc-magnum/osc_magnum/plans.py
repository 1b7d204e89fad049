"""What a dry run answers, as a plan that a person reads.

A plan says what would be made, changed, replaced and removed, and how that stands to
the limits of the project.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cliff.columns import FormattableColumn

from osc_magnum.columns import ResolvedLabels

Document = Mapping[str, Any]

#: Resource of a preview: one of it, and several.
_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    'servers': ('server', 'servers'),
    'ports': ('port', 'ports'),
    'floating_ips': ('floating address', 'floating addresses'),
    'volumes': ('volume', 'volumes'),
    'volume_gigabytes': ('GB of volumes', 'GB of volumes'),
    'networks': ('network', 'networks'),
    'subnets': ('subnet', 'subnets'),
    'routers': ('router', 'routers'),
    'load_balancers': ('load balancer', 'load balancers'),
    'vcpus': ('processor', 'processors'),
    'ram': ('MiB of memory', 'MiB of memory'),
    'nodes': ('node', 'nodes'),
}


class Amounts(FormattableColumn[Any]):
    """Numbers of things."""

    def human_readable(self) -> str:
        """One kind a line."""
        if not self._value:
            return 'nothing'
        return '\n'.join(f'{number} {_words(name, number)}' for name, number in self._value.items())


class Changes(FormattableColumn[Any]):
    """What changes, from what to what."""

    def human_readable(self) -> str:
        """One change a line."""
        if not self._value:
            return 'nothing'
        return '\n'.join(
            f'{change["what"]}: {_shown(change["from"])} -> {_shown(change["to"])}'
            for change in self._value
        )


class Kept(FormattableColumn[Any]):
    """What stays, whatever the baymodel has."""

    def human_readable(self) -> str:
        """One attribute a line."""
        return '\n'.join(f'{name}: {_shown(value)}' for name, value in self._value.items())


class Nodes(FormattableColumn[Any]):
    """Nodes of node groups."""

    def human_readable(self) -> str:
        """One group a line."""
        if not self._value:
            return 'nothing'
        return '\n'.join(
            f'{group["node_count"]} {_words("nodes", group["node_count"])} of {group["nodegroup"]}'
            + (f': {", ".join(group["nodes"])}' if group.get('nodes') else '')
            + (f', {group["at_once"]} at once' if group.get('at_once') else '')
            for group in self._value
        )


class Limits(FormattableColumn[Any]):
    """Limits of the project, with what is used and needed of each."""

    def human_readable(self) -> str:
        """One limit a line, of those that matter; what does not suffice is marked."""
        return '\n'.join(
            f'{_words(limit["resource"])}: {limit["used"]} used, {limit["needed"]:+} '
            f'of {"no limit" if limit["limit"] < 0 else limit["limit"]}'
            + ('' if limit['sufficient'] else '  NOT ENOUGH')
            for limit in self._value
            if limit['needed'] or not limit['sufficient']
        )


class Parameters(FormattableColumn[Any]):
    """Parameters of a stack: whole files are among them, so that only programs get them all."""

    def human_readable(self) -> str:
        """How many there are."""
        return f'{len(self._value)} of the stack; -f json shows them'


KINDS: Final[Mapping[str, type[FormattableColumn[Any]]]] = {
    'would_make': Amounts,
    'would_change': Changes,
    'would_keep': Kept,
    'would_replace': Nodes,
    'would_remove': Nodes,
    'would_give_back': Amounts,
    'meanwhile': Amounts,
    'limits': Limits,
    'labels': ResolvedLabels,
    'parameters': Parameters,
}


def of_new_bay(preview: Document) -> dict[str, Any]:
    """The plan of a new bay."""
    return {
        'would_make': _positive(preview['resources']),
        **_limits(preview),
        'driver': preview['driver'],
        'labels': preview['labels'],
        'parameters': preview['parameters'],
    }


def of_resize(
    preview: Document, group: Document, node_count: int, nodes: Sequence[str]
) -> dict[str, Any]:
    """The plan of a resize.

    :param group: as it is now.
    :param nodes: that are to go first.
    """
    before = group['node_count']
    removed = max(0, before - node_count)
    gone = {'nodegroup': group['name'], 'node_count': removed, 'nodes': list(nodes)}
    return {
        'would_make': _positive(preview['resources']),
        'would_change': _changes({group['name']: before}, {group['name']: node_count}),
        'would_remove': [gone] if removed else [],
        'would_give_back': _positive(
            {name: -number for name, number in preview['resources'].items()}
        ),
        **_limits(preview),
    }


def of_upgrade(
    preview: Document, current: Document, target: Document
) -> dict[str, Any]:
    """The plan of an upgrade.

    :param current: the baymodel of the bay, ``target`` the one that it is to have.
    """
    return {
        'would_change': _changes(current, target),
        'would_keep': preview.get('kept', {}),
        'would_replace': [group for group in preview['replaced'] if group['node_count']],
        # Beside what is there, while nodes are replaced.
        'meanwhile': _positive(preview['resources']),
        **_limits(preview),
    }


def _limits(preview: Document) -> dict[str, Any]:
    return {
        'limits': preview['quotas'],
        'limits_unknown': preview['quotas_unknown'],
        'sufficient': preview['sufficient'],
    }


def _positive(resources: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in resources.items() if number > 0}


def _changes(before: Document, after: Document) -> list[dict[str, Any]]:
    return [
        {'what': name, 'from': before.get(name), 'to': after.get(name)}
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def _words(resource: str, number: int = 0) -> str:
    one, several = _WORDS.get(resource, (resource, resource.replace('_', ' ')))
    return one if number == 1 else several


def _shown(value: Any) -> str:
    return 'none' if value is None else str(value)
