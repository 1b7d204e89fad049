"""How the first manager makes the swarm, and others come to it, with a made-up engine."""

import http.server
import json
import os
import pathlib
import subprocess
from typing import Any

import pytest

from magnum.drivers import settings
from magnum.drivers.swarm.driver import SwarmDriver
from tests.fakes.listening import listening
from tests.unit.drivers import hot, node_files, plans

DOCKER = """#!/bin/bash
echo "$@" >>@root/calls
case "$1 $2" in
    'swarm init' | 'swarm join') touch @root/active ;;
    'info --format')
        if [ -e @root/pending ]; then
            echo pending
            mv @root/pending @root/active
        elif [ -e @root/active ]; then
            echo active
        fi
        ;;
esac
exit 0
"""


def run_step(
    root: pathlib.Path, address: str, revision: str = '0', seconds: float = 60,
    role: str = 'master', **more: str,
) -> Any:
    """Run the step with the settings that the driver gives."""
    driver = SwarmDriver()
    files = hot.files_of(driver.render(plans.plan(driver)), role)
    told = settings.parse(files['/etc/magnum/node.env'])
    node_files.place(root, 'common/node/lib.sh', 'opt/magnum/lib.sh')
    node_files.place(root, 'swarm/node/swarm.sh', 'opt/magnum/swarm.sh')
    step = node_files.place(root, 'swarm/node/60-swarm.sh', 'opt/60.sh')
    docker = root / 'docker'
    docker.write_text(DOCKER.replace('@root', str(root)))
    docker.chmod(0o755)
    own = {
        'MAGNUM_NODE_ADDRESS': address, 'MAGNUM_MASTER_ADDRESSES': address,
        'MAGNUM_NODE_INDEX': '0', 'MAGNUM_NODE_REVISION': revision,
        'PATH': f'{root}:{os.environ["PATH"]}', **more,
    }
    return subprocess.run(
        [step], capture_output=True, text=True, check=False, env=told | own, timeout=seconds
    )


def test_its_networks_are_of_the_label(tmp_path: pathlib.Path) -> None:
    done = run_step(tmp_path, '10.0.0.5')
    assert done.returncode == 0, done.stdout + done.stderr
    inits = [line for line in (tmp_path / 'calls').read_text().splitlines() if ' init ' in line]
    assert inits == [
        'swarm init --advertise-addr 10.0.0.5 --default-addr-pool 10.224.0.0/12'
    ]


@pytest.mark.parametrize('address', ['10.224.0.5', '10.239.255.5'])
def test_nodes_among_them_make_no_swarm(tmp_path: pathlib.Path, address: str) -> None:
    done = run_step(tmp_path, address)
    assert done.returncode == 86
    assert 'swarm_default_addr_pool' in done.stdout
    assert ' init ' not in (tmp_path / 'calls').read_text()


@pytest.mark.parametrize('pool', ['10.0.0.0/20', '10.0.200.0/24', '0.0.0.0/0'])
def test_nodes_whose_subnet_overlaps_with_them_make_no_swarm(
    tmp_path: pathlib.Path, pool: str
) -> None:
    node_files.place_routes(tmp_path)
    done = run_step(tmp_path, '10.0.200.5', MAGNUM_ADDRESS_POOL=pool)
    assert done.returncode == 86, done.stderr
    assert '10.0.0.0/16' in done.stdout
    assert 'swarm_default_addr_pool' in done.stdout
    assert ' init ' not in (tmp_path / 'calls').read_text()


@pytest.mark.parametrize('pool', ['10.1.0.0/20', '172.17.0.0/16', '169.254.0.0/16'])
def test_routes_to_elsewhere_are_no_trouble(tmp_path: pathlib.Path, pool: str) -> None:
    node_files.place_routes(tmp_path)
    done = run_step(tmp_path, '10.0.200.5', MAGNUM_ADDRESS_POOL=pool)
    assert done.returncode == 0, done.stdout + done.stderr


def test_one_that_is_in_it_waits_for_the_others_after_a_boot(tmp_path: pathlib.Path) -> None:
    (tmp_path / 'pending').touch()
    done = run_step(tmp_path, '10.0.0.5')
    assert done.returncode == 0, done.stdout + done.stderr
    assert ' init ' not in (tmp_path / 'calls').read_text()


def test_one_in_the_place_of_the_first_makes_no_second_swarm(tmp_path: pathlib.Path) -> None:
    """It goes on to ask the others."""
    with pytest.raises(subprocess.TimeoutExpired):
        run_step(tmp_path, '10.0.0.5', revision='1', seconds=4)
    assert ' init ' not in (tmp_path / 'calls').read_text()


class Engine(http.server.BaseHTTPRequestHandler):
    """A manager's engine that takes no client of another release: none names a version."""

    def do_GET(self) -> None:
        tokens = {'JoinTokens': {'Worker': 'of-workers', 'Manager': 'of-managers'}}
        known = self.path == '/swarm'
        self.send_response(200 if known else 400)
        self.end_headers()
        self.wfile.write(json.dumps(tokens if known else {}).encode())

    def log_message(self, *_words: Any) -> None:
        pass


@pytest.mark.parametrize(('role', 'token'), [('worker', 'of-workers'), ('master', 'of-managers')])
def test_without_tls_a_node_joins_an_engine_of_any_release(
    tmp_path: pathlib.Path, role: str, token: str
) -> None:
    server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Engine)
    with listening(server):
        done = run_step(
            tmp_path, '10.0.0.5', role=role, MAGNUM_MASTER_ADDRESSES='127.0.0.1',
            MAGNUM_TLS_DISABLED='true', MAGNUM_DOCKER_PORT=str(server.server_port),
        )
    assert done.returncode == 0, done.stdout + done.stderr
    joins = [line for line in (tmp_path / 'calls').read_text().splitlines() if ' join' in line]
    assert joins == [f'swarm join --token {token} --advertise-addr 10.0.0.5 127.0.0.1:2377']
