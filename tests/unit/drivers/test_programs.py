"""Programs that scripts of nodes call are in some package of every guest.

The cheap part of ``tools/guests``, which looks in real roots: here its record is
held against today's scripts. A script that calls another program needs a new
record (``tools/guests --record``).
"""

import pytest

from magnum.drivers.contract import Driver
from tests.guests import programs, roots
from tests.unit.drivers import hot, plans


@pytest.mark.parametrize('distribution', roots.DISTRIBUTIONS)
@pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
@pytest.mark.parametrize('role', ['master', 'worker'])
def test_every_program_was_found(driver: Driver, role: str, distribution: str) -> None:
    files = hot.files_of(driver.render(plans.plan(driver)), role)
    called = programs.called_by(programs.scripts_of(files))
    assert {'curl', 'iptables', 'openssl', 'python3', 'systemctl'} <= called
    assert called - programs.packages()[distribution].keys() == set()


def test_the_client_of_docker_is_a_package_of_its_own_in_trixie() -> None:
    found = {name: packages['docker'] for name, packages in programs.packages().items()}
    assert found == {
        'debian-12': 'docker.io', 'debian-13': 'docker-cli', 'ubuntu-24.04': 'docker.io',
    }


@pytest.mark.parametrize(
    ('script', 'called'),
    [
        ('foo --bar | baz -x', {'foo', 'baz'}),
        ('if ! foo; then bar; fi', {'foo', 'bar'}),
        ('a=$(foo "$(bar)") && VAR=x baz', {'foo', 'bar', 'baz'}),
        ('say "text; with words" | foo', {'say', 'foo'}),
        ("cat <<'X'\nfoo\nX\nbar", {'cat', 'bar'}),
        ('own() {\n    foo\n}\nown', {'foo'}),
        ('# foo\nbar \\\n    baz', {'bar'}),
        ('need_command foo pack\nwait_until 5 bar', {'need_command', 'foo', 'wait_until', 'bar'}),
        ('case $x in\n    a) foo ;;\nesac', {'foo'}),
        ('local x=5\n((x < 3))\n[[ a == b ]]', set()),
    ],
)
def test_what_a_script_calls(script: str, called: set[str]) -> None:
    assert programs.called(script) == called
