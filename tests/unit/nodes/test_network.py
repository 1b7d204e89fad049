"""Networks of the machines: what a router is made of."""

from typing import Any

import pytest

from tools.nodes import network, programs
from tools.nodes.cloud import Network

NETWORK = Network('a-network', 1500, '10.0.0.0/24', '10.0.0.1', ())


def test_the_gateway_keeps_its_hardware_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bridge without one has the lowest of its ports', which come and go."""
    commands: list[tuple[str, ...]] = []

    def noted(*words: str, **_more: Any) -> None:
        commands.append(words)

    for name in ('run', 'run_in', 'write_in'):
        monkeypatch.setattr(network, name, noted)
    monkeypatch.setattr(programs, 'succeeds', lambda *_words: False)
    network.Networks(NETWORK).lead(NETWORK, ())
    bridges = [words for words in commands if words[-2:] == ('type', 'bridge')]
    assert bridges
    assert all('address' in words for words in bridges)
