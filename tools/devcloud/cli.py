"""The command line."""

import argparse
import shlex

from tools.common import command
from tools.common.command import say
from tools.common.errors import ToolError
from tools.devcloud import backends, cloud, environments, preflight, settings


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='devcloud',
        description='A real OpenStack control plane on this machine, '
        'for developing and testing Magnum.',
        epilog='MAGNUM_DEVCLOUD_DIR, MAGNUM_DEVCLOUD_NAME, MAGNUM_DEVCLOUD_PORT_OFFSET and '
        'MAGNUM_PYTHON change where it lives, which one of several it is, its ports, and its '
        'interpreter.',
    )
    commands = parser.add_subparsers(dest='command', required=True, metavar='COMMAND')
    commands.add_parser('up', help='install, set up and start what is missing')
    commands.add_parser('preflight', help="what is in the way of 'up'; installs nothing")
    commands.add_parser('down', help='stop everything, keep the data')
    commands.add_parser('status', help='what runs; exit code 1 if not all does')
    reset = commands.add_parser('reset', help='stop everything, remove the data')
    reset.add_argument('--all', action='store_true', help='remove the environments, too')
    openrc = commands.add_parser('openrc', help='print shell commands for an account')
    openrc.add_argument(
        'name',
        nargs='?',
        default='admin',
        choices=settings.OPENRC_NAMES,
        metavar='NAME',
        help=', '.join(settings.OPENRC_NAMES),
    )
    backend = commands.add_parser('backend', help='one backend without the cloud')
    backend.add_argument('name', choices=backends.NAMES)
    backend.add_argument('action', choices=('up', 'down'))
    clients = commands.add_parser('clients', help="environments with Magnum's clients")
    clients.add_argument(
        'names', nargs='*', metavar='NAME', help='all when left out: '
        + ', '.join(environments.CLIENTS)
    )
    return parser


def _openrc(name: str) -> None:
    try:
        variables = settings.openrc(name)
    except OSError as error:
        raise ToolError(f"{name} is made by the first 'devcloud up'") from error
    # What another account has left in the shell would be taken, too.
    others = {
        'OS_AUTH_TYPE',
        'OS_USERNAME',
        'OS_USER_ID',
        'OS_PASSWORD',
        'OS_TOKEN',
        'OS_CLOUD',
        'OS_PROJECT_ID',
        'OS_PROJECT_NAME',
        'OS_USER_DOMAIN_ID',
        'OS_USER_DOMAIN_NAME',
        'OS_PROJECT_DOMAIN_ID',
        'OS_PROJECT_DOMAIN_NAME',
        'OS_TENANT_NAME',
        'OS_TENANT_ID',
        'OS_APPLICATION_CREDENTIAL_ID',
        'OS_APPLICATION_CREDENTIAL_SECRET',
        'OS_SYSTEM_SCOPE',
        'OS_DOMAIN_NAME',
        'OS_TRUST_ID',
    }
    print('unset ' + ' '.join(sorted(others - set(variables))))
    for key, value in variables.items():
        print(f'export {key}={shlex.quote(value)}')


def _backend(name: str, action: str) -> None:
    if action == 'up':
        settings.STATE.mkdir(parents=True, exist_ok=True)
        say(f'{name} {"started" if backends.up(name) else "runs already"}')
    else:
        say(f'{name} {"stopped" if backends.down(name) else "was not running"}')


def _run(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case 'status':
            return 0 if cloud.status() else 1
        case 'openrc':
            _openrc(arguments.name)
            return 0
    settings.ROOT.mkdir(parents=True, exist_ok=True)
    with command.lock(
        settings.ROOT / 'lock', lambda: say('waiting for another devcloud command to end')
    ):
        match arguments.command:
            case 'up':
                cloud.up()
            case 'preflight':
                preflight.check_machine()
            case 'down':
                cloud.down()
            case 'reset':
                cloud.reset(with_environments=arguments.all)
            case 'backend':
                _backend(arguments.name, arguments.action)
            case 'clients':
                environments.install_clients(arguments.names)
    return 0


def run() -> int:
    """Run the command that the command line names; the exit code."""
    return _run(_parser().parse_args())
