"""What to do about an error: tables from the service's codes to advice.

The codes never change. One that is not here is of a newer service: the user sees the
service's words alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from osc_magnum import steps

_MAXIMUM_HEADER: Final = 'OpenStack-API-Maximum-Version'
_LIST_BAYS: Final = 'openstack bay list'
_LIST_BAYMODELS: Final = 'openstack baymodel list'
_LATER: Final = 'try again later; tell the operator if it goes on.'
_USE_UUID: Final = 'give the uuid:'

#: Code of a refusal: what to do.
REFUSALS: Final[Mapping[str, str]] = {
    'magnum.request.invalid': 'correct what the message names.',
    'magnum.request.invalid_value': 'give a value that the message allows.',
    'magnum.request.invalid_patch': 'look at what there is to change: openstack baymodel show.',
    'magnum.request.precondition_failed': 'somebody changed it meanwhile: look again, then repeat.',
    'magnum.request.too_large': 'send less; the operator sets the limit.',
    'magnum.forbidden': 'ask the operator for a role that allows it: openstack role assignment '
    'list --user <you> --names shows yours.',
    'magnum.internal': 'report the request to the operator, whose log has the rest.',
    'magnum.seal_broken': 'report the message to the operator.',
    'magnum.cloud_unavailable': _LATER,
    'magnum.database_unavailable': _LATER,
    'magnum.outcome_unknown': f'look whether the change was made first: {_LIST_BAYS}',
    'magnum.concurrent_update': 'repeat the command.',
    'magnum.marker.not_found': 'begin the list anew, without --marker.',
    'magnum.baymodel.not_found': f'choose another baymodel: {_LIST_BAYMODELS}',
    'magnum.baymodel.ambiguous': f'{_USE_UUID} {_LIST_BAYMODELS}',
    'magnum.baymodel.in_use': f'delete its bays first ({_LIST_BAYS} --baymodel <baymodel>), or '
    'make another baymodel.',
    'magnum.baymodel.upgrade_to_it': 'wait for the end of the upgrade: openstack bay operation '
    'wait <operation>',
    'magnum.baymodel.hidden': f'choose another baymodel: {_LIST_BAYMODELS}',
    'magnum.baymodel.publish_refused': 'leave --public and --hidden out, or ask an administrator.',
    'magnum.driver.not_supported': 'choose an image and a COE that fit: openstack bay driver list',
    'magnum.driver.not_found': 'openstack bay driver list',
    'magnum.driver.not_capable': 'what each driver can do: openstack bay driver list',
    'magnum.bay.not_found': f'{_LIST_BAYS}; a bay that was deleted is gone.',
    'magnum.bay.ambiguous': f'{_USE_UUID} {_LIST_BAYS}',
    'magnum.bay.property_fixed': 'create a new bay with the value.',
    'magnum.bay.plan_refused': 'change what the message names.',
    'magnum.bay.operation_in_progress': 'wait for its end: openstack bay operation wait '
    '<operation>; a delete of the bay is accepted at any time.',
    'magnum.bay.masters_unfinished': 'retry what made the master: openstack bay operation retry '
    '<operation>.',
    'magnum.bay.not_ready': 'wait until the bay is built: openstack bay operation list --bay <bay>',
    'magnum.bay.upgrade_refused': 'follow the message: it names what is in the way.',
    'magnum.bay.upgrade_impossible': 'name a baymodel of the same COE, and upgrade the default '
    'node groups first.',
    'magnum.nodegroup.exists': 'choose another name: openstack bay nodegroup list <bay>',
    'magnum.quota.not_found': 'the default holds: openstack bay quota show <project>',
    'magnum.project.not_found': 'openstack project list',
    'magnum.quota.exceeded': f'delete a bay ({_LIST_BAYS}), or ask the operator for more.',
    'magnum.operation.not_found': 'openstack bay operation list',
    'magnum.operation.not_cancellable': 'it has ended, or goes on to its end; to get rid of the '
    'bay: openstack bay delete <bay>',
    'magnum.operation.not_retryable': 'only the last operation of a bay is retried, if it failed: '
    'openstack bay operation list --bay <bay>',
    'magnum.event.too_many_streams': 'come back later, or list without --follow.',
    'magnum.certificate.tls_disabled': 'bays of a baymodel with --no-tls-disabled have some.',
    'magnum.certificate.not_ready': 'wait until the bay is built: openstack bay operation list '
    '--bay <bay>',
    'magnum.certificate.invalid_csr': 'make a PKCS #10 request in PEM that the message allows.',
    'magnum.certificate.subject_refused': 'ask for a subject that a rule allows (--subject), or '
    'the operator for a role.',
    'magnum.nodegroup.not_found': 'openstack bay nodegroup list <bay>',
    'magnum.nodegroup.not_created': 'retry its creation: openstack bay operation retry '
    '<operation>; or delete it: openstack bay nodegroup delete <bay> <nodegroup>',
    'magnum.nodegroup.not_autoscaled': 'the group\'s bounds: openstack bay nodegroup list <bay>',
    'magnum.nodegroup.out_of_range': 'limits of the group: openstack bay nodegroup list <bay>',
    'magnum.nodegroup.node_unknown': 'give ids of servers of the group (openstack server list) '
    'or their indexes.',
    'magnum.nodegroup.of_masters': 'follow the message, or name one of workers: openstack bay '
    'nodegroup list <bay>',
    'magnum.nodegroup.invalid': 'change what the message names.',
    'magnum.nodegroup.is_default': 'delete the bay: openstack bay delete <bay>',
    'magnum.image.not_found': 'openstack image list',
    'magnum.image.ambiguous': f'{_USE_UUID} openstack image list',
    'magnum.image.forbidden': 'ask the owner of the image to share it.',
    'magnum.image.no_os_distro': 'openstack image set --property os_distro=<distro> <image>, or '
    'take an image that has it; distros: openstack bay driver list',
    'magnum.flavor.not_found': 'openstack flavor list',
    'magnum.flavor.no_disk': 'take a flavor with a disk (openstack flavor list), or --label '
    'boot_volume_size=<GB>',
    'magnum.cloud_service.not_found': 'openstack catalog list; else take another value.',
    'magnum.volume_type.not_found': 'openstack volume type list',
    'magnum.zone.not_found': 'openstack availability zone list',
    'magnum.keypair.not_found': 'openstack keypair list; key pairs belong to users.',
    'magnum.network.not_found': 'openstack network list; for the outside: openstack network list '
    '--external',
    'magnum.network.ambiguous': f'{_USE_UUID} openstack network list',
    'magnum.subnet.not_found': 'openstack subnet list',
    'magnum.subnet.of_ipv6': 'openstack subnet list --ip-version 4',
    'magnum.subnet.ambiguous': f'{_USE_UUID} openstack subnet list',
}

#: Status of a refusal without a code, or with one that is not above.
_STATUSES: Final[Mapping[int, str]] = {
    401: 'your token is refused: look at OS_* of your environment, then openstack token issue',
    404: 'look at the endpoint: openstack catalog show container-infra',
    502: _LATER,
    503: _LATER,
    504: _LATER,
}

#: Code of an operation's failure: what to do.
FAILURES: Final[Mapping[str, str]] = {
    'node_failed': 'look at /var/log/magnum/ on the node.',
    'node_silent': 'see whether the node booted (openstack console log show <server>) and reaches '
    'the service; choose a larger flavor if it is short of memory.',
    'resource_in_use': 'remove what the reason names, and delete again.',
    'quota_exceeded': 'free something, or ask the operator for more: openstack quota show',
    'no_valid_host': 'choose another flavor or zone, or ask the operator for room.',
    'address_exhausted': 'release floating addresses, or ask the operator for more.',
    'not_found': 'put back what the reason names, or make a bay without it.',
    'forbidden': 'ask the operator: the bay has not the roles that it needs.',
    'timed_out': _LATER,
    'resource_failed': 'ask the operator: the service that makes the resource says no more.',
    'deadline_exceeded': 'see what it waited for in the reason; --timeout of a new bay is longer.',
    'cloud_unavailable': _LATER,
    'cloud_refused': 'change what the reason names.',
    'stack_missing': 'delete the bay.',
    'stack_foreign': 'delete the bay, and ask the operator about the stack of its name.',
    'stack_failed': 'openstack stack failures list --long <stack>',
    'count_mismatch': 'resize the bay again.',
    'nodes_behind': 'mend or remove the nodes that the reason names, and rotate again.',
    'node_identity_conflict': 'tell the operator at once: a stranger has a token of the bay.',
    'authority_missing': 'retry the creation, or delete the bay.',
    'plan_refused': 'change what the reason names.',
    'node_unknown': 'name nodes that the group has; nothing was removed.',
    'identity_missing': 'tell the operator; the bay can still be deleted.',
    'seal_broken': 'tell the operator: the reason names the key.',
    'internal': 'report the request to the operator, whose log has the rest.',
}

_OWNERS: Final[Mapping[str, str]] = {
    'user': 'yours to mend',
    'operator': "the operator's to mend",
    'service': "the service's fault",
}
#: A step that failed, as nodes of older services told Heat.
_NODE: Final = re.compile(r'\bnode ([\w.-]+): step ([\w-]+)')


def option(source: Mapping[str, Any], options: Mapping[str, str]) -> str | None:
    """The option that is at fault.

    :param source: of an error, as the service tells it.
    :param options: names of options by the members, or arguments of a query, that they give.
    """
    name = source.get('pointer') or source.get('parameter') or ''
    member, _, rest = str(name).strip('/').partition('/')
    found = options.get(member)
    return f'{found} {rest}'.rstrip() if found else None


def for_refusal(status: int, code: str, headers: Mapping[str, str]) -> str:
    """What to do about a refused request; empty where nobody knows."""
    if status == 406:
        newest = headers.get(_MAXIMUM_HEADER, '').rpartition(' ')[2]
        return (
            'the service is older than this client needs'
            + (f': it ends at {newest}' * bool(newest))
            + '; use the client that belongs to it (openstack coe).'
        )
    return REFUSALS.get(code) or _STATUSES.get(status, '')


def of_failure(operation: Mapping[str, Any]) -> Iterator[str]:
    """Lines about an operation that failed or was cancelled."""
    error = operation.get('error') or {}
    what = f'{operation["verb"]} of bay {operation["bay_name"] or operation["bay_uuid"]}'
    ended = 'was cancelled' if operation['state'] == 'CANCELLED' else 'failed'
    step = steps.first_in(operation, 'FAILED', 'RUNNING', 'PENDING')
    at = f' at step {step}' if step else ''
    reason = error.get('reason') or ''
    resource = ' '.join(filter(None, (error.get('resource_type'), error.get('resource'))))
    cause = ': '.join(filter(None, (resource, reason)))
    yield f'{what} {ended}{at}{f": {cause}" if cause else ""}'
    node = _NODE.search(reason)
    if node:
        yield f'Node: {node[1]}, its step {node[2]}'
    code = error.get('code')
    if code and code != 'cancelled':
        yield f'Code: {code}, {_OWNERS.get(error.get("owner") or "", "of unknown cause")}'
        if code in FAILURES:
            yield f'What to do: {FAILURES[code]}'
    if error.get('retryable'):
        yield f'Try again: openstack bay operation retry --wait {operation["uuid"]}'
    yield f'Everything about it: openstack bay operation show {operation["uuid"]}'
    if error.get('request_id'):
        yield f'Request: {error["request_id"]}'
