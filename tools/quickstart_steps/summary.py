"""What the reader is told, and given, at the end."""

import datetime
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

from tools.devcloud import settings
from tools.quickstart_steps import bays, client, layout
from tools.quickstart_steps.bays import Bay
from tools.quickstart_steps.layout import shown
from tools.quickstart_steps.progress import clean_environment


def write_openrc() -> None:
    """Write what a shell needs to go on by hand as the plain member."""
    layout.PROGRAMS.mkdir(exist_ok=True)
    # Not the directories of the clients: those have a python of their own.
    for program in (layout.CLIENT, layout.OPENSTACK_CLIENT):
        link = layout.PROGRAMS / program.name
        link.unlink(missing_ok=True)
        link.symlink_to(program)
    account = subprocess.run(
        [sys.executable, layout.DEVCLOUD, 'openrc', layout.USER],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    shell = (
        f'export PATH={shlex.quote(str(layout.PROGRAMS))}:"$PATH"\n'
        f'export MAGNUM_URL={settings.MAGNUM_URL}\n'
        f'export no_proxy="${{no_proxy:+$no_proxy,}}{settings.IP}"\n'
    )
    with open(os.open(layout.OPENRC, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 'w') as file:
        file.write(account + shell)


def print_bays() -> list[str]:
    """Print status and addresses of the bays; return the names of those not well."""
    found = {bay.name: bay for bay in bays.listed()}
    for plan in bays.PLANS:
        bay = found.get(plan.name)
        print(f'\n{plan.name}: {bay.status if bay else "there is none"}')
        if bay:
            _print_details(bay)
    return [
        plan.name for plan in bays.PLANS if plan.name not in found or not found[plan.name].is_well
    ]


def workers(name: str) -> list[str]:
    """Addresses of a bay's workers."""
    return client.addresses(client.properties(client.magnum('bay-show', name))['node_addresses'])


def _print_details(bay: Bay) -> None:
    details = client.properties(client.magnum('bay-show', bay.uuid))
    rows = {
        'reason': details['status_reason'],
        'built in': _building_time(details),
        'API': details['api_address'],
        'masters': ' '.join(client.addresses(details['master_addresses'])),
        'nodes': ' '.join(client.addresses(details['node_addresses'])),
    }
    for name, value in rows.items():
        if value:
            print(f'    {name:9} {value}')


def _building_time(details: Mapping[str, str]) -> str:
    """How long the bay took; not known any more once it was changed."""
    if details['status'] != 'CREATE_COMPLETE':
        return ''
    began, ended = (
        datetime.datetime.fromisoformat(details[name]) for name in ('created_at', 'updated_at')
    )
    return f'{(ended - began).total_seconds():.0f} s'


def print_directions() -> None:
    """Print where logs are, how to go on, and how to stop."""
    launcher = shown(layout.LAUNCHER)
    print(f"""
Logs:           {shown(layout.LOG)}/ of Magnum, {shown(settings.LOG)}/ of the cloud
Configuration:  {shown(layout.CONFIGURATION)}
To go on by hand, as {layout.USER}, a plain member of the project demo:
    . {shown(layout.OPENRC)}
    openstack bay list
    openstack bay --help
To stop (the data stay, and "{launcher}" starts all again):
    {launcher} down
To remove everything:
    {launcher} reset""")
