"""Directives that make tables of the reference out of the code.

The code is the list; these documents only add what it does not say. A code
without its words here, and words without their code, are warnings, and so end
a build with ``-W``.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from magnum import conf, policies
from magnum.api import routes, versions
from magnum.domain import failures, machine, states, verbs
from magnum.drivers.kubernetes import addons
from magnum.drivers.registry import Registry
from magnum.operations import flows

LOG = logging.getLogger(__name__)

Row = Sequence[str]


def table(header: Row, rows: Iterable[Row], widths: Sequence[int]) -> str:
    """A list-table in reStructuredText."""
    lines = [
        '.. list-table::',
        '   :header-rows: 1',
        f'   :widths: {" ".join(map(str, widths))}',
        '',
    ]
    for row in (header, *rows):
        for number, cell in enumerate(row):
            bullet = '   * -' if number == 0 else '     -'
            lines.append(f'{bullet} {cell}'.rstrip())
    return '\n'.join(lines)


def index(kind: str, names: Iterable[str]) -> str:
    """Entries of the index that lead to what follows."""
    return '\n'.join(['.. index::', *(f'   single: {name} ({kind})' for name in names)])


def literal(text: str) -> str:
    """Text as a literal; nothing of nothing."""
    return f'``{text}``' if text else ''


def _literals(texts: Iterable[str]) -> str:
    return ', '.join(map(literal, texts))


def _first_line(documented: Any) -> str:
    return (inspect.getdoc(documented) or '').partition('\n')[0]


def _backquoted(text: str) -> str:
    """Double quotes of docstrings and reasons as literals."""
    parts = text.split('"')
    return ''.join(literal(part) if n % 2 else part for n, part in enumerate(parts))


class Table(SphinxDirective):
    """A table of one kind; a subclass says which rows."""

    has_content = True

    def text(self) -> str:
        """The table as reStructuredText."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """The table's nodes."""
        return self.parse_text_to_nodes(self.text())

    def words(self, codes: Iterable[str]) -> Mapping[str, str]:
        """What the directive's content says of each code.

        Its lines are ``<code>: <words>``; an indented line continues one.
        """
        found: dict[str, str] = {}
        code = ''
        for line in self.content:
            if line.startswith(' ') and code:
                found[code] += f' {line.strip()}'
            elif line.strip():
                code, _, words = line.partition(': ')
                found[code] = words.strip()
        known = set(codes)
        for code in sorted(known - found.keys()):
            self._warn(f'{self.name}: nothing is said of {code}')
        for code in sorted(found.keys() - known):
            self._warn(f'{self.name}: there is no {code}')
        return {code: found.get(code, '') for code in known}

    def _warn(self, message: str) -> None:
        LOG.warning(message, location=self.get_location())


class Routes(Table):
    """``magnum-routes``: the route table, with the policy rules of each route."""

    def text(self) -> str:
        """See the base class."""
        rules = policies.rules_by_operation()
        rows = []
        for route in routes.ROUTES:
            rows.append(
                (
                    literal(f'{route.method} {route.path}'),
                    _backquoted(_first_line(route.handler.method)),
                    _literals(sorted(route.query)),
                    _literals(rules.get((route.method, route.path), ())),
                )
            )
        header = ('Request', 'What it is', 'Query arguments', 'Policy rules')
        return table(header, rows, (30, 30, 15, 25))


class Microversions(Table):
    """``magnum-microversions``: every one and what changed in it."""

    def text(self) -> str:
        """See the base class."""
        rows = (
            (versions.text(number), _backquoted(reason))
            for number, reason in sorted(versions.VERSIONS.items())
        )
        return table(('Version', 'What changed'), rows, (10, 90))


class FailureCodes(Table):
    """``magnum-failure-codes``: why an operation may fail."""

    def text(self) -> str:
        """See the base class."""
        words = self.words(entry.code for entry in failures.CODES)
        rows = (
            (
                literal(entry.code),
                entry.owner,
                'yes' if entry.retryable else 'no',
                words[entry.code],
            )
            for entry in failures.CODES
        )
        header = ('Code', 'Whose problem', 'May a retry help', 'What it means')
        listed = index('failure', (entry.code for entry in failures.CODES))
        return f'{listed}\n\n{table(header, rows, (20, 15, 15, 50))}'


class Steps(Table):
    """``magnum-steps``: the steps of every verb, in order."""

    def text(self) -> str:
        """See the base class."""
        rows = [
            (literal(verb), phase, literal(name), _first_line(flows.STEPS[name]))
            for verb, steps in verbs.STEPS.items()
            for phase in ('again', 'opening', 'start', 'finish', 'closing')
            for name in getattr(steps, phase)
        ]
        return table(('Verb', 'Flow', 'Step', 'What it does'), rows, (10, 10, 30, 50))


class States(Table):
    """``magnum-operation-states``: which state may follow which, and by what."""

    def text(self) -> str:
        """See the base class."""
        words = self.words(states.STATES)
        rows = ((literal(state), words[state], self._following(state)) for state in states.STATES)
        return table(('State', 'Meaning', 'May be followed by'), rows, (15, 40, 45))

    @staticmethod
    def _following(state: str) -> str:
        """Each state that may follow, and the events that lead there."""
        events: dict[str, list[str]] = {}
        for event in machine.EVENTS:
            if state in event.moves:
                events.setdefault(event.moves[state], []).append(event.name)
        return '; '.join(
            f'{literal(after)} by {", ".join(names)}' for after, names in events.items()
        ) or 'it has ended'


class Events(Table):
    """``magnum-operation-events``: the events, which move they make and what they write."""

    def text(self) -> str:
        """See the base class."""
        rows = [
            (
                event.name, event.meaning, self._moves(event),
                _literals(sorted(event.sets.keys() | event.takes)),
            )
            for event in machine.EVENTS
        ]
        return table(('Event', 'What happens', 'From, to', 'Columns'), rows, (10, 35, 25, 30))

    @staticmethod
    def _moves(event: machine.Event) -> str:
        """The states before, by the state after them."""
        before: dict[str, list[str]] = {}
        for state, after in event.moves.items():
            before.setdefault(after, []).append(literal(state) if state else 'none')
        conditions = {'cancelled': event.if_cancelled, 'pre-empted': event.if_preempted}
        return '; '.join([
            *(f'{", ".join(found)} to {literal(after)}' for after, found in before.items()),
            *(f'only if {"" if it_is else "not "}{what}'
              for what, it_is in conditions.items() if it_is is not None),
        ])


class Drivers(Table):
    """``magnum-drivers``: the drivers of this tree and what they support."""

    def text(self) -> str:
        """See the base class."""
        rows = []
        for driver in Registry.from_entry_points().all().values():
            can = driver.capabilities
            rows.append(
                (
                    literal(driver.name),
                    can.coe,
                    _literals(can.distros),
                    _literals(can.server_types),
                    _literals(can.network_drivers),
                    _literals(can.volume_drivers) or 'none',
                    ', '.join(can.versions) or 'that of the guest\'s packages or images',
                )
            )
        header = (
            'Driver', 'COE', 'os_distro', 'Server types', 'Network drivers', 'Volume drivers',
            'Versions',
        )
        return table(header, rows, (17, 16, 12, 11, 12, 12, 20))


class Labels(Table):
    """``magnum-labels``: the labels of the driver that the argument names."""

    required_arguments = 1
    option_spec: ClassVar[dict[str, Callable[[str], Any]]] = {}  # type: ignore[misc]

    def text(self) -> str:
        """See the base class."""
        schema = Registry.from_entry_points().by_name(self.arguments[0]).labels_schema()
        used = {
            name: rule
            for name, rule in schema['properties'].items()
            if not rule.get('deprecated', False)
        }
        ignored: dict[str, list[str]] = {}
        for name in sorted(schema['properties'].keys() - used.keys()):
            ignored.setdefault(schema['properties'][name]['description'], []).append(name)
        rows = (
            (literal(name), self._default(rule), self._meaning(rule))
            for name, rule in sorted(used.items())
        )
        idle = [
            (literal(f'{name}={value}'), reason)
            for name, rule in sorted(used.items())
            for value, reason in sorted(rule.get('idle', {}).items())
        ]
        without = [(_literals(names), reason) for reason, names in sorted(ignored.items())]
        tables = [
            index('label', sorted(schema['properties'])),
            table(('Label', 'Default', 'Meaning'), rows, (30, 25, 45)),
        ]
        if idle:
            tables.append(table(('Values without effect', 'Why'), idle, (40, 60)))
        if without:
            tables.append(table(('Labels without effect', 'Why'), without, (60, 40)))
        return '\n\n'.join(tables)

    @staticmethod
    def _default(rule: Mapping[str, Any]) -> str:
        if 'default' not in rule:
            return 'none'
        default = literal(rule['default']) or 'empty'
        by = _literals(rule.get('defaults_by', {}))
        return f'{default}; follows {by}' if by else default

    @staticmethod
    def _meaning(rule: Mapping[str, Any]) -> str:
        told = [rule['description'].replace('*', r'\*')]
        if needs := _literals(f'{name}={value}' for name, value in rule.get('needs', {}).items()):
            told.append(f'Needs {needs}.')
        if rule.get('scope') == 'nodegroup':
            told.append('A node group may have its own.')
        return ' '.join(told)


#: Of what is no label: the labels of which one asks for it.
_ASKED = {'has_claims': ('cinder_csi_enabled=true', 'manila_csi_enabled=true')}


class Addons(Table):
    """``magnum-addons``: the add-ons of Kubernetes bays."""

    def text(self) -> str:
        """See the base class."""
        rows = []
        for name, entry in sorted(addons.table().items()):
            wanted = ', '.join(
                ' or '.join(map(literal, _ASKED.get(label, (f'{label}={value}',))))
                for label, value in entry['when'].items()
            )
            if 'chart' in entry:
                made_of = f'{literal(entry["chart"])} {", ".join(entry["digests"])}'
            elif 'tag' in entry:
                made_of = f'objects; image of {literal(entry["tag"])}'
            else:
                made_of = 'objects'
            rows.append((
                literal(name), _backquoted(entry['what']), wanted,
                made_of, literal(entry['namespace']),
            ))
        header = ('Add-on', 'What it is', 'Label', 'Chart', 'Namespace')
        return table(header, rows, (15, 30, 25, 15, 15))


def _escape_helps(app: Sphinx) -> None:
    """Help texts are no reStructuredText: keep their asterisks."""
    for _group, options in conf.list_opts():
        for option in options:
            option.help = option.help.replace('*', r'\*')


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives."""
    # After the sample, which is plain text, has been written.
    app.connect('builder-inited', _escape_helps, priority=900)
    for name, directive in {
        'magnum-routes': Routes,
        'magnum-microversions': Microversions,
        'magnum-failure-codes': FailureCodes,
        'magnum-steps': Steps,
        'magnum-operation-events': Events,
        'magnum-operation-states': States,
        'magnum-drivers': Drivers,
        'magnum-labels': Labels,
        'magnum-addons': Addons,
    }.items():
        app.add_directive(name, directive)
    return {'parallel_read_safe': True}
