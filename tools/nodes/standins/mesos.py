#!/usr/bin/python3
"""A stand-in for ``mesos-master``, ``mesos-agent`` and ``marathon``, whichever it is called.

It takes the options that nodes give to these and no others, appends each argument list
to ``/var/log/<program>.arguments``, elects leaders in ZooKeeper as they do, by
ephemeral nodes in a sequence, and tells of it at the paths that they have for that.
It runs no tasks.
"""

import argparse
import contextlib
import dataclasses
import http.server
import json
import pathlib
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from kazoo.client import KazooClient
from kazoo.exceptions import KazooException

LOGS = pathlib.Path('/var/log')
_INTERVAL = 1.0  # seconds
_SESSION = 10.0  # seconds, as Mesos has it


@dataclasses.dataclass(frozen=True)
class Program:
    """What one of the three does.

    :ivar options: those that must be given, and those that may be.
    :ivar ensemble: the option that names ZooKeeper.
    :ivar candidates: what its nodes in the election there are called; of an agent,
        those of whom it looks for.
    :ivar pages: what it answers, by path, from its options and who leads.
    """

    options: tuple[str, ...]
    further: tuple[str, ...]
    ensemble: str
    candidates: str
    elects_itself: bool
    pages: Mapping[str, Callable[[argparse.Namespace, str], Any]]


PROGRAMS = {
    'mesos-master': Program(
        ('zk', 'quorum', 'ip', 'port', 'hostname', 'cluster', 'work_dir'), (),
        'zk', 'json.info_', True,
        {
            '/health': lambda _options, _leader: '',
            '/state': lambda options, leader: {'cluster': options.cluster, 'leader': leader},
        },
    ),
    'mesos-agent': Program(
        (
            'master', 'ip', 'port', 'hostname', 'containerizers',
            'executor_registration_timeout', 'work_dir',
        ),
        ('attributes', 'isolation', 'image_providers', 'executor_environment_variables'),
        'master', 'json.info_', False,
        {
            '/health': lambda _options, _leader: '',
            '/state': lambda _options, leader: {'master_hostname': leader},
        },
    ),
    'marathon': Program(
        ('master', 'zk', 'hostname', 'http_port'), (), 'zk', 'leader_', True,
        {
            '/ping': lambda _options, _leader: 'pong',
            '/v2/leader': lambda _options, leader: {'leader': leader},
        },
    ),
}


class Election:
    """A folder of ZooKeeper in which the first of a sequence leads.

    :ivar leader: who leads; empty while ZooKeeper does not tell.
    """

    def __init__(self, url: str, candidates: str, own: str) -> None:
        hosts, _, self._folder = url.removeprefix('zk://').partition('/')
        self._client = KazooClient(hosts, timeout=_SESSION)
        self._candidates = candidates
        self._own = own
        self._entered = ''
        self.leader = ''

    def follow(self) -> None:
        """Take part, if there is something of one's own to tell, and look who leads, for ever."""
        self._client.start_async()
        while True:
            try:
                self._turn()
            except (KazooException, self._client.handler.timeout_exception):
                self.leader = ''
            time.sleep(_INTERVAL)

    def _turn(self) -> None:
        if not self._client.connected:
            self.leader = ''
            return
        folder = f'/{self._folder}'
        self._client.ensure_path(folder)
        if self._own and not (self._entered and self._client.exists(self._entered)):
            self._entered = self._client.create(
                f'{folder}/{self._candidates}', self._own.encode(), ephemeral=True, sequence=True
            )
        found = [
            name for name in self._client.get_children(folder)
            if name.startswith(self._candidates)
        ]
        self.leader = self._client.get(f'{folder}/{min(found)}')[0].decode() if found else ''


def parse(name: str, words: list[str]) -> argparse.Namespace:
    """The options of a program; it ends with others, as the real one does."""
    parser = argparse.ArgumentParser(prog=name, allow_abbrev=False)
    program = PROGRAMS[name]
    for option in program.options:
        parser.add_argument(f'--{option}', required=True)
    for option in program.further:
        parser.add_argument(f'--{option}')
    if name == 'mesos-agent':
        parser.add_argument('--no-systemd_enable_support', action='store_true')
    return parser.parse_args(words)


def serve(program: Program, options: argparse.Namespace, election: Election) -> None:
    """Answer what the nodes and the tests ask."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = program.pages.get(self.path)
            self.send_response(200 if page else 404)
            self.end_headers()
            if page:
                answer = page(options, election.leader)
                text = answer if isinstance(answer, str) else json.dumps(answer)
                self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    values = vars(options)
    place = (values.get('ip', ''), int(values.get('port') or values['http_port']))
    http.server.ThreadingHTTPServer(place, Handler).serve_forever()


def main() -> None:
    """Run until the end of the service."""
    name = pathlib.Path(sys.argv[0]).name
    words = sys.argv[1:]
    with open(LOGS / f'{name}.arguments', 'a') as log:
        print(json.dumps(words), file=log)
    program = PROGRAMS[name]
    options = parse(name, words)
    own = options.hostname if program.elects_itself else ''
    election = Election(getattr(options, program.ensemble), program.candidates, own)
    threading.Thread(target=election.follow, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt):
        serve(program, options, election)


if __name__ == '__main__':
    main()
