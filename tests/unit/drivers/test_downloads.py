"""Programs that nodes download: where from, and what they are checked by."""

import hashlib
import os
import pathlib
import re
import subprocess
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.contract import PlanRefused
from magnum.drivers.kubernetes import addons, archives, downloads
from magnum.drivers.kubernetes.driver import KubernetesDriver
from tests.unit.drivers import curl, node_files, plans

DRIVER = KubernetesDriver()
CONTENT = 'a program\n'
DIGEST = hashlib.sha256(CONTENT.encode()).hexdigest()
PROGRAMS = (*downloads.MASTER_PROGRAMS, *downloads.NETWORK_PROGRAMS)


def test_the_catalogue_is_whole() -> None:
    known = downloads.known()
    assert set(known) == {*PROGRAMS, addons.HELM, *archives.ARCHIVES}
    every = [digest for releases in known.values() for of in releases.values()
             for digest in of.values()]
    assert all(re.fullmatch('[0-9a-f]{64}', digest) for digest in every)
    assert len(set(every)) == len(every)
    for releases in known.values():
        assert all(set(of) == {'amd64', 'arm64'} for of in releases.values())
    assert len({frozenset(known[program]) for program in downloads.MASTER_PROGRAMS}) == 1


@pytest.mark.parametrize('version', DRIVER.capabilities.versions)
def test_every_offered_minor_has_a_release_with_digests(version: str) -> None:
    assert any(release.startswith(f'{version}.') for release in downloads.known()['kubelet'])


def test_defaults_have_digests() -> None:
    DRIVER.validate(plans.plan(DRIVER))


UNKNOWN = ' '.join(f'{program}:{DIGEST}' for program in PROGRAMS)


@pytest.mark.parametrize(
    ('labels', 'field'),
    [
        ({'kube_binaries_url': 'http://mirror/k8s'}, 'labels/kube_binaries_url'),
        ({'flannel_binaries_url': 'http://mirror/f'}, 'labels/flannel_binaries_url'),
        # Variables of charts' values are written so.
        ({'addons_charts_url': 'https://mirror/<nothing>'}, 'labels/addons_charts_url'),
        ({'kube_binaries_url': 'https://mirror/<uuid>'}, 'labels/kube_binaries_url'),
        ({'kube_tag': 'v1.34.99'}, 'labels/kube_tag'),
        ({'flannel_tag': 'v0.99.0'}, 'labels/flannel_tag'),
        ({'kube_tag': 'v1.34.99', 'kube_binaries_digests': f'kubelet:{DIGEST}'}, 'labels/kube_tag'),
        ({'kube_binaries_digests': f'kubectll:{DIGEST}'}, 'labels/kube_binaries_digests'),
        ({'kube_binaries_digests': 'kubelet:abc'}, 'labels/kube_binaries_digests'),
    ],
)
def test_refused_downloads(labels: dict[str, str], field: str) -> None:
    with pytest.raises(PlanRefused) as refused:
        DRIVER.validate(plans.plan(DRIVER, labels=labels))
    assert refused.value.field == field


@pytest.mark.parametrize('version', ['v1.34.98', 'v1.34.1'])
def test_digests_of_the_label_are_for_all_others(version: str) -> None:
    labels = {'kube_tag': version, 'flannel_tag': 'v0.98.0', 'kube_binaries_digests': UNKNOWN}
    plan = plans.plan(DRIVER, labels=labels)
    if version == 'v1.34.98':
        # Of a catalogue that has it, as a later release's.
        downloads.check_digests(plan, DRIVER.capabilities)
    told = settings.parse(DRIVER.render(plan).parameters['master_settings'])
    assert told['MAGNUM_DIGESTS'].split() == [
        f'{program}/{version if program != "flanneld" else "v0.98.0"}:{DIGEST}'
        for program in PROGRAMS
    ]


def test_the_operator_may_let_all_pass() -> None:
    labels = {
        'flannel_tag': 'v0.99.0', 'flannel_binaries_url': 'http://mirror',
        'kube_binaries_url': 'http://mirror',
    }
    plan = plans.plan(DRIVER, labels=labels, insecure_downloads=True)
    DRIVER.validate(plan)
    told = settings.parse(DRIVER.render(plan).parameters['worker_settings'])
    assert told['MAGNUM_INSECURE_DOWNLOADS'] == 'true'


OLD = {'flannel_tag': 'v0.99.0', 'kube_binaries_url': 'http://mirror'}
UNRESTRICTED = {'kubeapi_options': '--authorization-mode=Node,RBAC,Webhook'}


def test_bays_of_old_keep_working() -> None:
    """They have what a new one may not have, and masters that cannot be told of digests."""
    plan = plans.plan(DRIVER, labels=OLD)
    DRIVER.check_upgrade(plan, plan)
    DRIVER.validate_nodegroup(plan, plans.further_group())
    outputs = plans.bay_outputs(DRIVER, plan)
    masters = settings.parse(outputs['settled']['master_settings'])
    for name in ('MAGNUM_DIGESTS', 'MAGNUM_INSECURE_DOWNLOADS'):
        del masters[name]
    masters['MAGNUM_FLANNEL_VERSION'] = 'v0.26.7'           # the default of then
    outputs['settled']['master_settings'] = settings.shell(masters)
    request = DRIVER.render_upgrade(plan, plan.workers, (), {}, outputs)
    told = settings.parse(request.parameters['worker_settings'])
    assert told['MAGNUM_INSECURE_DOWNLOADS'] == 'true'
    assert told['MAGNUM_FLANNEL_VERSION'] == 'v0.26.7'


@pytest.mark.parametrize('labels', [OLD, UNRESTRICTED])
def test_an_upgrade_brings_no_new_fault_in(labels: dict[str, str]) -> None:
    current = plans.plan(DRIVER)
    with pytest.raises(PlanRefused):
        DRIVER.check_upgrade(current, plans.plan(DRIVER, labels=labels))


def test_bays_with_a_former_authorization_mode_are_not_shut_out() -> None:
    plan = plans.plan(DRIVER, labels=UNRESTRICTED)
    DRIVER.check_upgrade(plan, plan)
    DRIVER.validate_nodegroup(plan, plans.further_group())


ANSWER = """case $previous in
    */kubelet.sha256) cat @root/published ;;
    *.sha256) exit 22 ;;
    *) printf '@content' >"$output" ;;
esac
"""


class Guest:
    def __init__(self, root: pathlib.Path):
        self.root = root
        self.programs = root / 'usr/local/bin'
        self.programs.mkdir(parents=True)
        content = CONTENT.replace('\n', '\\n')
        self.program('curl', curl.stand_in(root, ANSWER.replace('@content', content)))
        self.program('dpkg', '#!/bin/sh\necho amd64\n')
        node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
        node_files.place(root, 'kubernetes/node/downloads.sh', 'opt/magnum/downloads.sh')
        self.step = node_files.place(root, 'kubernetes/node/45-binaries.sh', 'opt/45.sh')
        text = self.step.read_text().replace('"/usr/local/bin', f'"{self.programs}')
        self.step.write_text(text)

    def program(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def run(self, digests: str, insecure: str = 'false') -> Any:
        return subprocess.run(
            [self.step], capture_output=True, text=True, check=False,
            env={
                'PATH': f'{self.programs}:{os.environ["PATH"]}',
                'MAGNUM_DIGESTS': digests, 'MAGNUM_INSECURE_DOWNLOADS': insecure,
                'MAGNUM_KUBE_PROGRAMS': 'kubelet', 'MAGNUM_KUBE_VERSION': 'v1.34.1',
                'MAGNUM_KUBE_BINARIES_URL': 'https://k8s', 'MAGNUM_FLANNEL_VERSION': 'v0.27.4',
                'MAGNUM_FLANNEL_BINARIES_URL': 'https://flannel',
                'MAGNUM_NETWORK_DRIVER': 'flannel',
            },
        )

    def installed(self) -> set[str]:
        return {path.name for path in self.programs.iterdir()} - {'curl', 'dpkg'}

    def calls(self) -> list[str]:
        file = self.root / 'calls'
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def guest(tmp_path: pathlib.Path) -> Guest:
    return Guest(tmp_path)


GOOD = f'kubelet/v1.34.1/arm64:{"0" * 64} kubelet/v1.34.1/amd64:{DIGEST} flanneld/v0.27.4:{DIGEST}'


def test_what_fits_its_digest_is_installed(guest: Guest) -> None:
    done = guest.run(GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert guest.installed() == {'kubelet', 'flanneld'}
    assert all('--proto =https --proto-redir =https ' in call for call in guest.calls())
    assert not any('.sha256' in call for call in guest.calls())


def says(release: str) -> str:
    return f'#!/bin/sh\necho Kubernetes {release}\n'


def test_programs_of_the_guest_are_taken_if_they_are_of_the_release(guest: Guest) -> None:
    guest.program('kubelet', says('v1.34.1'))
    guest.program('flanneld', '#!/bin/sh\n')        # does not say which release it is
    done = guest.run('')
    assert done.returncode == 0, done.stdout + done.stderr
    assert not guest.calls()


def test_a_program_of_another_release_is_replaced(guest: Guest) -> None:
    guest.program('kubelet', says('v1.33.9'))
    done = guest.run(GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'kubelet is of v1.33.9, not v1.34.1' in done.stdout
    assert (guest.programs / 'kubelet').read_text() == CONTENT


def test_what_was_downloaded_is_replaced_by_another_release(guest: Guest) -> None:
    record = guest.root / 'var/lib/magnum/programs'
    assert guest.run(GOOD).returncode == 0
    assert record.read_text() == 'kubelet v1.34.1\nflanneld v0.27.4\n'
    guest.program('kubelet', says('v1.34.1'))
    (guest.root / 'calls').unlink()
    assert guest.run('').returncode == 0
    assert not guest.calls()
    record.write_text('kubelet v1.34.1\nflanneld v0.26.7\n')
    done = guest.run(GOOD)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [call.rsplit(' ', 1)[1] for call in guest.calls()] == [
        'https://flannel/v0.27.4/flanneld-amd64'
    ]
    assert record.read_text() == 'kubelet v1.34.1\nflanneld v0.27.4\n'


def test_half_of_a_program_is_not_taken_for_that_of_the_guest(guest: Guest) -> None:
    """The power goes before all of it is on the disk."""
    guest.program('sync', '#!/bin/sh\ncase "$1" in *flanneld*) kill -9 $PPID ;; esac\n')
    assert guest.run(GOOD).returncode == -9
    assert 'flanneld' not in guest.installed()
    (guest.programs / 'sync').unlink()
    assert guest.run(GOOD).returncode == 0
    assert guest.installed() == {'kubelet', 'flanneld'}


@pytest.mark.parametrize('program', ['kubelet', 'flanneld'])
def test_what_does_not_fit_is_not(guest: Guest, program: str) -> None:
    wrong = re.sub(f'({program}\\S*):{DIGEST}', rf'\1:{"1" * 64}', GOOD)
    done = guest.run(wrong)
    assert done.returncode == 1
    assert program not in guest.installed()
    assert f'is not what it should be, with the digest {"1" * 64}' in done.stdout


@pytest.mark.parametrize('digests', ['', GOOD.replace('v1.34.1', 'v1.34.2')])
def test_without_a_digest_nothing_is_downloaded(guest: Guest, digests: str) -> None:
    done = guest.run(digests)
    assert done.returncode == 86
    assert not guest.calls()


@pytest.mark.parametrize(
    ('published', 'good'), [(DIGEST, True), ('2' * 64, False), (None, False)]
)
def test_an_operator_may_trust_the_source(
    guest: Guest, published: str | None, good: bool
) -> None:
    """What Kubernetes publishes holds; flannel publishes nothing."""
    if published:
        (guest.root / 'published').write_text(published)
    done = guest.run('', 'true')
    assert (done.returncode == 0) is good
    assert guest.installed() == ({'kubelet', 'flanneld'} if good else set())
    assert all('--proto =https,http ' in call for call in guest.calls())
