"""Run the scripts of nodes in minimal roots and look for the programs they call.

What is not real there: ``systemctl``, ``modprobe`` and ``sysctl`` are
stand-ins that do nothing, and nothing is waited for, as nothing runs. So steps
that talk to running services are left out.
"""

import argparse
import json
import pathlib
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from magnum.drivers import settings
from magnum.drivers.contract import MASTER, WORKER, Driver
from tests.guests import programs, roots
from tests.unit.drivers import hot, plans

#: Steps that need the service, downloads, or what they have started.
LEFT_OUT: Final = (
    '30-volume.sh', '45-binaries.sh', '50-join-service.sh',
    '55-service-account-key.sh',
)
#: From this number on steps configure the COE and install nothing.
FIRST_OF_COE: Final = '60'
STAND_INS: Final = dict.fromkeys(
    ('/usr/local/bin/systemctl', '/usr/local/bin/modprobe', '/usr/local/bin/sysctl'),
    '#!/bin/sh\nexit 0\n',
)
#: An authority, for the step that trusts it.
CERTIFICATE: Final = """-----BEGIN CERTIFICATE-----
MIIBeDCCAR2gAwIBAgIUYezuKAF2RXOqTBKqe0rHiV7qWzswCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFY2xvdWQwIBcNMjYxMTI2MDE1NDQ2WhgPMjEyNjExMDIwMTU0
NDZaMBAxDjAMBgNVBAMMBWNsb3VkMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
pUSz4UNhh4iFQotZt3Zo6Ql81TkVUDL6Q3cAgIaQlZgqRH3ki6cVthgG/70ErU55
5T8RITBqbdym1/vA7HYtqaNTMFEwHQYDVR0OBBYEFI1mgHVAgYpO2oK5HPjJaGoy
4Of6MB8GA1UdIwQYMBaAFI1mgHVAgYpO2oK5HPjJaGoy4Of6MA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAIdKSLwp202XYrOmZp2W3rVKzSBLNyIn
+17zg0XwjjEAAiEA8YD4A2L49mZdkRmhiIUGtm0DNhBiKaEZsh31IaRUaZs=
-----END CERTIFICATE-----
"""
#: Nothing is waited for, and no service is there to register at.
STAND_IN_FUNCTIONS: Final = '\nwait_until() { :; }\nagent() { :; }\n'
LOCATE: Final = """
for program; do
    path=$(PATH=/usr/sbin:/usr/bin:/sbin:/bin command -v "$program") || continue
    # Programs may be alternatives, and /bin a link.
    real=$(readlink -f "$path")
    owner=$(dpkg-query --search "$path" "/usr$path" "$real" "${real#/usr}" 2>/dev/null |
        sed -n 's/:.*//p' | sort -u | head -n 1)
    echo "$program ${owner:-?}"
done
"""


def check(
    made: pathlib.Path, driver: Driver, network: bool = True
) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """By role: faults, and the packages of the programs that the scripts call.

    Workers come first, in the fresh root; a master installs what they do, and more.

    :param network: False: nothing can be downloaded.
    """
    request = driver.render(plans.plan(driver, openstack_ca=CERTIFICATE))
    with roots.copy(made) as root:
        for role in (WORKER, MASTER):
            files = hot.files_of(request, role)
            scripts = programs.scripts_of(files)
            files['/opt/magnum/lib.sh'] += STAND_IN_FUNCTIONS
            roots.write(root, {**files, **STAND_INS})
            faults = _run(root, scripts, _settings(files['/etc/magnum/node.env']), network)
            wanted = sorted(programs.called_by(scripts))
            located = roots.enter(root, 'sh', '-c', LOCATE, 'sh', *wanted)
            found = dict(line.split() for line in located.stdout.splitlines())
            faults += [f'no {program}' for program in wanted if program not in found]
            yield role, faults, found


def _run(
    root: pathlib.Path, scripts: Mapping[str, str], environment: Mapping[str, str], network: bool
) -> list[str]:
    """Faults of the steps that install, and of the rules of netfilter."""
    faults = []
    for path in sorted(scripts):
        name = path.rsplit('/', 1)[1]
        is_step = path.startswith('/opt/magnum/steps/')
        if not is_step or name in LEFT_OUT or name >= FIRST_OF_COE:
            continue
        done = roots.enter(root, path, environment=environment, network=network)
        if done.returncode:
            faults.append(f'{name} ended with {done.returncode}: {_last(done)}')
    rules = roots.enter(root, '/opt/magnum/metadata.sh', 'close', network=False)
    if rules.returncode:
        faults.append(f'metadata.sh: {_last(rules)}')
    return faults


def _settings(text: str) -> Mapping[str, str]:
    # What Heat would give.
    return settings.parse(text) | {
        'MAGNUM_NODE_INDEX': '0', 'MAGNUM_NODE_ADDRESS': '10.0.0.5',
        'MAGNUM_MASTER_ADDRESSES': '10.0.0.5',
    }


def _last(done: 'subprocess.CompletedProcess[str]') -> str:
    return ' | '.join(f'{done.stdout}{done.stderr}'.strip().splitlines()[-3:])


def _report(
    name: str, made: pathlib.Path, coes: Collection[str] = (), network: bool = True,
    found: dict[str, str] | None = None,
) -> bool:
    """Check a root for some COEs, or for all; print what is found, and whether it is a fault."""
    faulty = False
    for driver in plans.DRIVERS:
        if coes and driver.name not in coes:
            continue
        for role, faults, located in check(made, driver, network):
            if found is not None:
                found |= located
            faulty |= bool(faults)
            print(f'{name:13} {driver.name:10} {role:6} '
                  f'{len(located)} programs, {len(faults)} faults', flush=True)
            for fault in faults:
                print(f'    {fault}', flush=True)
    return faulty


def main() -> int:
    """0 if every program is there."""
    parser = argparse.ArgumentParser(prog='tools/guests', description=__doc__)
    parser.add_argument(
        'distribution', nargs='*',
        help=f'of {", ".join(roots.DISTRIBUTIONS)}; with --image COEs; all by default',
    )
    parser.add_argument(
        '--image', type=pathlib.Path, metavar='ROOT',
        help='look into this root, as tools/image makes it, and without any network',
    )
    parser.add_argument(
        '--record', action='store_true', help=f'write what was found into {programs.TABLE.name}'
    )
    given = parser.parse_args()
    faulty = False
    table = {name: dict(found) for name, found in programs.packages().items()}
    try:
        roots.check_machine()
        if given.image:
            return int(_report(given.image.name, given.image, given.distribution, network=False))
        for name in given.distribution or roots.DISTRIBUTIONS:
            table[name] = {}
            made = roots.make(roots.DISTRIBUTIONS[name])
            faulty |= _report(name, made, found=table[name])
    except roots.Unavailable as unavailable:
        print(f'guests: {unavailable}', file=sys.stderr)
        return 2
    if given.record:
        text = json.dumps(table, indent=2, sort_keys=True)
        programs.TABLE.write_text(f'{text}\n')
    return int(faulty)


if __name__ == '__main__':
    sys.exit(main())
