"""What a user is told when real nodes cannot do their work."""

from tests.functional.people import Person
from tests.nodes import bays


def test_a_step_that_fails_is_named_with_its_node(alice: Person) -> None:
    """Docker does not start with a registry whose name is invalid."""
    bay = bays.create(
        alice, 'nodes-failing', 'swarm', node_count=0, insecure_registry='-registry.example'
    )
    failed = bay.complete('CREATE_FAILED')
    (master,) = bay.machines('master')
    assert master.facts.name in failed['status_reason']
    assert '40-docker' in failed['status_reason']
    bay.delete()
