"""Images that tools/image makes hold all programs that the scripts of nodes call."""

import pathlib
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from magnum.drivers.contract import Driver
from tests.guests import programs
from tests.unit.drivers import hot, plans
from tools.node_image import __main__ as command
from tools.node_image import build, recipe
from tools.nodes import guest

#: Releases as ``tests.guests`` names them.
_GUESTS = {suite: image for image, suite in guest.SUITES.items()}


def _files(driver: Driver) -> Iterator[dict[str, str]]:
    """Files that user data write, of a master and of a worker."""
    request = driver.render(plans.plan(driver))
    for role in ('master', 'worker'):
        yield hot.files_of(request, role)


def _called(driver: Driver) -> set[str]:
    master, worker = _files(driver)
    return programs.called_by(programs.scripts_of(master | worker))


@pytest.mark.parametrize('suite', recipe.suites())
@pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
def test_every_program_is_of_a_package_in_the_image(driver: Driver, suite: str) -> None:
    installed = {*recipe.recipe()['essential'], *recipe.packages(suite, [driver.name])}
    owners = programs.packages()[_GUESTS[suite]]
    called = _called(driver)
    assert len(called) > 20
    # Packages that others of the list bring along have no programs of their own here.
    owners = {**owners, 'systemctl': 'systemd-sysv'}
    missing = {program: owners[program] for program in called if owners[program] not in installed}
    assert missing == {}


@pytest.mark.parametrize('suite', recipe.suites())
@pytest.mark.parametrize('driver', plans.DRIVERS, ids=lambda driver: driver.name)
def test_every_package_that_a_step_would_install_is_in_the_image(
    driver: Driver, suite: str
) -> None:
    installed = recipe.packages(suite, [driver.name])
    text = '\n'.join(file for files in _files(driver) for file in files.values())
    wanted = [
        line.split()[2:] for line in text.splitlines() if line.strip().startswith('need_command ')
    ]
    assert len(wanted) > 6
    assert [packages for packages in wanted if not set(packages) & set(installed)] == []


def test_the_list_of_services_that_wait_names_what_packages_start() -> None:
    services = recipe.recipe()['idle_services']
    assert {'docker.service', 'containerd.service', 'etcd.service'} <= set(services)


def test_a_disk_has_a_kernel_and_a_root_has_none() -> None:
    disk = recipe.packages('trixie', ['swarm'], disk=True)
    assert 'linux-image-cloud-amd64' in disk
    assert set(recipe.packages('trixie', ['swarm'])) < set(disk)


@pytest.mark.parametrize(
    ('suite', 'lines'),
    [
        ('trixie', [
            'deb http://m/d trixie main', 'deb http://m/d trixie-updates main',
            'deb http://m/d-security trixie-security main',
        ]),
        ('noble', [
            'deb http://m/d noble main universe', 'deb http://m/d noble-updates main universe',
            'deb http://m/d noble-security main universe',
        ]),
    ],
)
def test_updates_of_security_are_where_the_distribution_has_them(
    suite: str, lines: list[str]
) -> None:
    assert recipe.sources(suite, 'http://m/d') == lines


def test_a_disk_is_of_debian_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.arguments(['--format', 'qcow2', '--suite', 'noble', 'made'])
    assert '--format qcow2: no disk is made of noble' in capsys.readouterr().err


@pytest.mark.parametrize('suite', recipe.suites())
def test_the_mirror_is_that_of_the_distribution(
    suite: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ['--format', 'root', '--suite', suite, 'made']
    if known := recipe.archive(suite)['mirror']:
        assert command.arguments(words).mirror == known
    else:
        with pytest.raises(SystemExit):
            command.arguments(words)
        assert f'--mirror: name one for {suite}' in capsys.readouterr().err
    given = command.arguments(['--format', 'root', '--suite', suite, '--mirror', 'm', 'made'])
    assert given.mirror == 'm'


def test_what_is_missing_is_said_in_a_line_each(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setattr('os.geteuid', lambda: 1000)
    monkeypatch.setattr(sys, 'argv', ['image', '--format', 'qcow2', str(tmp_path / 'made')])
    assert command.main() == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(':')[1].strip() for line in lines] == [
        'missing root', 'missing mmdebstrap', 'missing mke2fs', 'missing qemu-img',
    ]
    assert not (tmp_path / 'made').exists()


def test_the_first_sector_of_a_disk_has_one_partition_to_its_end() -> None:
    table = build.partition_table(8388608)
    assert len(table) == 512 - 446
    assert table[-2:] == b'\x55\xaa'
    assert table[0] == 0x80
    first, count = struct.unpack('<II', table[8:16])
    assert (first, first + count) == (2048, 8388608)


def test_a_folder_of_programs_that_is_not_there_is_refused(tmp_path: pathlib.Path) -> None:
    with pytest.raises(build.Failed, match='is no folder of programs'):
        build.image(
            'root', tmp_path, suite='trixie', coes=['swarm'], further=(),
            programs=tmp_path / 'none', mirror='http://localhost', gigabytes=1,
        )


def test_the_command_knows_its_options() -> None:
    done = subprocess.run(
        ['tools/image', '--help'], capture_output=True, text=True, check=True,
        cwd=pathlib.Path(__file__).parents[2],
    )
    for option in ('--format', '--suite', '--coe', '--package', '--programs', '--mirror'):
        assert option in done.stdout
