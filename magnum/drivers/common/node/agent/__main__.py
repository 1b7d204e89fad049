# roles: master worker
"""The node's agent: ``python3 -m agent``, in /opt/magnum.

register
    register the node's keys, and get its certificates;
tell STATE [STEP POSITION STEPS]
    write the state of the node down, to be reported; for a step that failed the
    standard input is its log, of which it prints the last lines without secrets;
fail
    send the state of a node that failed before it was registered;
report
    send reports until the bay is gone;
cloud
    fetch the file with which a master uses the cloud;
encryption
    print the keys that masters encrypt with;
authorities
    print what the bay trusts, unless the node trusts that;
certificates FOLDER PURPOSE...
    put certificates into the folder, for the keys that there are.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys

from . import certificates, cloud, encryption, following, state
from .channel import Away, Channel, Gone, Refused
from .conditions import Conditions
from .node import Node, ProgramFailed
from .reporter import Reporter

#: Exit status when trying again is of no use, as in lib.sh.
HOPELESS = 86
UNIT = 'magnum-agent'


def _register(node: Node, arguments: argparse.Namespace) -> None:
    for purpose in certificates.register(node, Channel(node)):
        print('has its certificate for', purpose)


def _tell(node: Node, arguments: argparse.Namespace) -> None:
    is_failed = arguments.state == state.FAILED
    text = sys.stdin.buffer.read().decode('utf-8', 'replace') if is_failed else ''
    if is_failed:
        # What has no room cannot write that into its log.
        text = '\n'.join([text.rstrip('\n'), *Conditions(node).full_disks()])
    lines = state.tell(
        node, arguments.state, arguments.step, arguments.position, arguments.steps, text
    )
    sys.stdout.writelines(line + '\n' for line in lines)


def _fail(node: Node, arguments: argparse.Namespace) -> None:
    told = state.read(node)
    if told['state'] == state.FAILED and not certificates.is_registered(node):
        body = {name: value for name, value in told.items() if name != 'state'}
        channel = Channel(node)
        certificates.patiently(lambda: channel.fail(body))


def _report(node: Node, arguments: argparse.Namespace) -> None:
    try:
        Reporter(node).run()
    except Gone as error:
        print('the bay is gone:', error)
        subprocess.run(['systemctl', 'disable', UNIT], check=False)


def _cloud(node: Node, arguments: argparse.Namespace) -> None:
    channel = Channel(node)
    certificates.patiently(lambda: cloud.take(node, channel))


def _encryption(node: Node, arguments: argparse.Namespace) -> None:
    channel = Channel(node)
    sys.stdout.write(certificates.patiently(lambda: encryption.fetch(channel)))


def _authorities(node: Node, arguments: argparse.Namespace) -> None:
    channel = Channel(node)
    sys.stdout.write(certificates.patiently(
        lambda: following.authorities(node, channel), *following.patience(node)
    ))


def _certificates(node: Node, arguments: argparse.Namespace) -> None:
    channel = Channel(node)
    given = certificates.patiently(
        lambda: following.reissued(node, channel, arguments.purposes), *following.BRIEFLY
    )
    for purpose, pem in given.items():
        node.write(arguments.folder / f'{purpose}.pem', pem)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='agent', description='The agent of a node of a bay.')
    parser.add_argument('--root', default='/', help='where the files of the node lie')
    verbs = parser.add_subparsers(dest='verb')
    verbs.required = True
    verbs.add_parser('register').set_defaults(do=_register)
    tell = verbs.add_parser('tell')
    tell.add_argument('state', choices=(state.BUILDING, state.READY, state.FAILED))
    tell.add_argument('step', nargs='?')
    tell.add_argument('position', nargs='?', type=int, default=0)
    tell.add_argument('steps', nargs='?', type=int, default=0)
    tell.set_defaults(do=_tell)
    verbs.add_parser('fail').set_defaults(do=_fail)
    verbs.add_parser('report').set_defaults(do=_report)
    verbs.add_parser('cloud').set_defaults(do=_cloud)
    verbs.add_parser('encryption').set_defaults(do=_encryption)
    verbs.add_parser('authorities').set_defaults(do=_authorities)
    anew = verbs.add_parser('certificates')
    anew.add_argument('folder', type=pathlib.Path)
    anew.add_argument('purposes', nargs='+')
    anew.set_defaults(do=_certificates)
    return parser


def main() -> int:
    """The command line; returns the exit status."""
    arguments = _parser().parse_args()
    os.umask(0o077)
    try:
        arguments.do(Node(arguments.root), arguments)
    except (Away, ProgramFailed, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except Refused as error:
        print(f'refused: {error}', file=sys.stderr)
        return HOPELESS
    return 0


if __name__ == '__main__':
    sys.exit(main())
