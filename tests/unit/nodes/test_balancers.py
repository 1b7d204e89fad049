"""Load balancers as HAProxy reads them."""

import pathlib
import shutil
import subprocess

import pytest

from tools.nodes import balancers
from tools.nodes.cloud import Balancer, Check, Listener

MEMBERS = ('10.0.0.5:6443', '10.0.0.6:6443')


def configuration(listener: Listener) -> str:
    return balancers.configuration(
        Balancer('balancer', 'network', '10.0.0.9', 'port', (listener,))
    )


def test_a_listener_with_a_checked_pool() -> None:
    lines = configuration(
        Listener('api', 6443, (), 'ROUND_ROBIN', MEMBERS, Check(5, 4, 3, 2))
    ).splitlines()
    assert lines[lines.index('listen api'):] == [
        'listen api',
        '    bind 10.0.0.9:6443',
        '    balance roundrobin',
        '    timeout check 4s',
        '    server 0 10.0.0.5:6443 check inter 5s fall 3 rise 2',
        '    server 1 10.0.0.6:6443 check inter 5s fall 3 rise 2',
    ]


def test_who_may_connect_and_what_is_not_there_yet() -> None:
    text = configuration(Listener('api', 6443, ('192.0.2.0/24', '10.0.0.0/8'), '', (), None))
    assert 'connection reject if !{ src 192.0.2.0/24 10.0.0.0/8 }' in text
    assert 'server 0' not in text


@pytest.mark.skipif(not shutil.which('haproxy'), reason='HAProxy is not installed')
@pytest.mark.parametrize('listener', [
    Listener('api', 6443, ('192.0.2.0/24',), 'SOURCE_IP', MEMBERS, Check(5, 5, 3, 5)),
    Listener('api', 6443, (), '', (), None),
])
def test_haproxy_takes_it(listener: Listener, tmp_path: pathlib.Path) -> None:
    file = tmp_path / 'haproxy.cfg'
    file.write_text(configuration(listener))
    done = subprocess.run(['haproxy', '-c', '-f', file], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
