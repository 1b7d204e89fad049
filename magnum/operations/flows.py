"""Functions of steps, by the names that :mod:`magnum.domain.verbs` has for them."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from magnum.domain import verbs
from magnum.operations.steps import (
    authority,
    cleanup,
    credential,
    identity,
    outputs,
    secrets,
    stack,
    upgrade,
    workload,
)
from magnum.operations.work import Work

Step = Callable[[Work], None]

STEPS: Final[dict[str, Step]] = {
    step.__name__: step
    for step in (
        authority.expect_nodes,
        authority.introduce_authority,
        authority.await_introduction,
        authority.switch_authority,
        authority.await_switch,
        authority.retire_authority,
        authority.await_retirement,
        cleanup.remove_remains,
        cleanup.disarm_all_bootstrap,
        cleanup.delete_stacks,
        cleanup.await_late_requests,
        cleanup.await_stacks_gone,
        cleanup.look_once_more,
        cleanup.delete_identity,
        cleanup.delete_certificates,
        credential.add_password,
        credential.change_password,
        credential.prove_password,
        credential.drop_old_password,
        identity.ensure_identity,
        outputs.read_outputs,
        secrets.ensure_authority,
        secrets.arm_bootstrap,
        secrets.disarm_bootstrap,
        stack.create_stack,
        stack.create_nodegroup_stack,
        stack.note_stack,
        stack.change_stack,
        stack.await_stack,
        upgrade.check_upgrade,
        upgrade.replace_nodes,
        upgrade.confirm_nodes,
        upgrade.adopt_baymodel,
        workload.remove_load_balancers,
        workload.remove_volumes,
    )
}


def phase_steps(
    verb: str, phase: str, parameters: Mapping[str, Any]
) -> list[tuple[str, Step]]:
    """The steps, by name, that a worker runs in a row."""
    return [
        (name, STEPS[verbs.without_ending(name)])
        for name in verbs.phase_step_names(verb, phase, parameters)
    ]
