"""A baymodel and a bay for each kind of container cluster."""

import dataclasses
from collections.abc import Mapping

from tools.common.command import say
from tools.devcloud import settings
from tools.quickstart_steps import client
from tools.quickstart_steps.layout import USER

BUILD_MINUTES = 30  # after which Magnum gives a bay up
_IN_PROGRESS = '_IN_PROGRESS'
_COMPLETE = '_COMPLETE'


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is asked for."""

    coe: str
    image: str
    nodes: int
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the baymodel and of the bay."""
        return f'quickstart-{self.coe}'


#: What opens the ports that bays publish to this machine.
OPEN_TO_US = {'node_ports_allowed_cidrs': f'{settings.EXTERNAL_ADDRESSES[1]}/32'}
PLANS = (
    Plan('kubernetes', 'debian-12', nodes=2),
    Plan('swarm', 'debian-12', nodes=1, labels=OPEN_TO_US),
    Plan('mesos', 'debian-12', nodes=1),
)


@dataclasses.dataclass(frozen=True)
class Bay:
    """A bay as the list shows it."""

    uuid: str
    name: str
    status: str
    stack_id: str

    @property
    def is_building(self) -> bool:
        """Whether its status will change by itself."""
        return self.status.endswith(_IN_PROGRESS)

    @property
    def is_well(self) -> bool:
        """Whether all that was asked of it was done."""
        return self.status.endswith(_COMPLETE)


def ensure(labels: Mapping[str, Mapping[str, str]]) -> None:
    """Ask for the baymodels and bays that are not there, all at once.

    :param labels: further ones of baymodels, by COE.
    """
    models = {row['name'] for row in client.rows(client.magnum('baymodel-list'))}
    for plan in PLANS:
        if plan.name not in models:
            _create_baymodel(plan, {**plan.labels, **labels.get(plan.coe, {})})
    known = {bay.name: bay for bay in listed()}
    for plan in PLANS:
        if plan.name in known:
            say(f'   bay {plan.name} is there already: {known[plan.name].status}')
            continue
        client.request_bay(
            *('--name', plan.name),
            *('--baymodel', plan.name),
            *('--node-count', str(plan.nodes)),
            *('--timeout', str(BUILD_MINUTES)),
        )
        say(f'   bay {plan.name} requested: 1 master, {plan.nodes} node(s) of {plan.image}')


def _create_baymodel(plan: Plan, labels: Mapping[str, str]) -> None:
    client.magnum(
        'baymodel-create',
        *('--name', plan.name),
        *('--coe', plan.coe),
        *('--image-id', plan.image),
        *('--keypair-id', f'{USER}-key'),
        *('--external-network-id', settings.EXTERNAL_NETWORK),
        *('--flavor-id', 'm1.small'),
        *('--master-flavor-id', 'm1.small'),
        *(word for pair in labels.items() for word in ('--labels', '='.join(pair))),
    )
    say(f'   baymodel {plan.name} made')


def listed() -> list[Bay]:
    """All bays of the plain member."""
    return [
        Bay(row['uuid'], row['name'], row['status'], row['stack_id'])
        for row in client.rows(client.magnum('bay-list', '--fields', 'stack_id'))
    ]
