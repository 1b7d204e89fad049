"""Functions of steps, by the names that :mod:`magnum.domain.verbs` has for them.

What each needs is declared here, too: steps that need nothing of each other
run side by side.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Final

from magnum.domain import verbs
from magnum.domain.parameters import Parameters
from magnum.operations.steps import (
    authority,
    cleanup,
    cloud_credential,
    credential,
    draining,
    encryption,
    identity,
    master_count,
    masters,
    nodes,
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
        encryption.rewrite_secrets,
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
        cloud_credential.ensure_cloud_credential,
        cloud_credential.add_cloud_credential,
        cloud_credential.await_masters,
        cloud_credential.drop_old_cloud_credential,
        cloud_credential.revoke_cloud_credential,
        credential.add_password,
        credential.change_password,
        credential.prove_password,
        credential.drop_old_password,
        draining.drain_nodes,
        draining.remove_nodes,
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
        masters.upgrade_masters,
        master_count.choose_masters,
        master_count.check_masters,
        master_count.drain_masters,
        master_count.retire_masters,
        master_count.change_masters,
        master_count.tell_masters,
        nodes.await_nodes,
        upgrade.check_upgrade,
        upgrade.choose_nodegroups,
        upgrade.choose_nodes,
        upgrade.replace_nodes,
        upgrade.confirm_nodes,
        upgrade.adopt_baymodel,
        workload.remove_load_balancers,
        workload.remove_volumes,
    )
}

#: What a step needs to be done before it, where that is not every step before
#: it: those of these that are in its phase.
NEEDS: Final[dict[str, verbs.Names]] = {
    # Beside ensure_identity.
    'ensure_authority': ('remove_remains',),
    # Beside ensure_authority.
    'ensure_cloud_credential': ('ensure_identity',),
    'arm_bootstrap': ('ensure_authority', 'note_stack'),
    # Beside disarm_bootstrap.
    'read_outputs': ('await_nodes', 'remove_nodes'),
    # Beside disarm_all_bootstrap. Who has the credential makes load balancers.
    'revoke_cloud_credential': (),
    'remove_load_balancers': ('revoke_cloud_credential',),
    # Beside delete_identity.
    'delete_certificates': ('remove_volumes',),
}


@dataclasses.dataclass(frozen=True)
class PhaseStep:
    """A step of a phase.

    :ivar name: of the operation's step.
    :ivar needs: names of the steps that are done before it.
    """

    name: str
    function: Step
    needs: verbs.Names


def phase_steps(verb: str, phase: str, parameters: Parameters) -> list[PhaseStep]:
    """The steps that a worker runs until the operation waits or ends."""
    names = verbs.phase_step_names(verb, phase, parameters)
    return [
        PhaseStep(name, STEPS[verbs.without_ending(name)], _needs(name, names[:position]))
        for position, name in enumerate(names)
    ]


def _needs(name: str, earlier: Sequence[str]) -> verbs.Names:
    declared = NEEDS.get(verbs.without_ending(name))
    return tuple(
        before for before in earlier
        if declared is None or verbs.without_ending(before) in declared
    )
