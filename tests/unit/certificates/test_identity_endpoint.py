"""Which node is given a certificate, and what that costs the cloud."""

import datetime
import ipaddress
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import orm

from magnum.api import errors
from magnum.api.bootstrap import admission
from magnum.certificates.service import CertificateService
from magnum.clients.errors import CloudUnavailable
from magnum.clients.servers import Server
from magnum.db import models
from magnum.db.repositories import node_trust
from magnum.domain import states
from magnum.domain.node_certificates import NodeAddresses
from tests.unit.certificates import conftest, csr
from tests.unit.certificates.nodes import KUBELET, PROJECT, FakeDriver, Nodes, error_of

NODE = 'node-1'
API, SERVICE, STRANGE = '10.0.0.9', '10.254.0.1', '8.8.8.8'


class Booting:
    """A node, or whoever says so: one key."""

    def __init__(self, nodes: Nodes, bay: models.Bay, token: str | None, name: str = NODE):
        self.nodes, self.bay, self.token, self.name = nodes, bay, token, name
        self.key = ec.generate_private_key(ec.SECP256R1())

    def csr(self, *addresses: str) -> str:
        names = [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
        wanted = [(x509.SubjectAlternativeName(names), False)] if names else []
        return csr.make(csr.name(CN='x'), wanted, key=self.key)

    def ask(self, purpose: str = 'kubelet', *addresses: str):  # type: ignore[no-untyped-def]
        path = f'/{self.bay.uuid}/certificates/{purpose}?node={self.name}'
        return self.nodes.send(path, self.token, self.csr(*addresses))

    def reissue(self, *addresses: str):  # type: ignore[no-untyped-def]
        path = f'/{self.bay.uuid}/reissue/kubelet?node={self.name}'
        return self.nodes.send(path, None, self.csr(*addresses))


def addresses_in(pem: str) -> set[str]:
    extensions = x509.load_pem_x509_certificate(pem.encode()).extensions
    try:
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return set()
    return {str(address) for address in names.get_values_for_type(x509.IPAddress)}


def operation(session: orm.Session, uuid: str = 'operation') -> models.Operation:
    session.expire_all()
    return session.scalars(sa.select(models.Operation).filter_by(uuid=uuid)).one()


def test_the_cloud_is_asked_once_in_the_life_of_a_node(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    node = Booting(nodes, bay, tokens['master'])
    for purpose in ('kubelet', 'apiserver', 'kubelet'):
        assert node.ask(purpose).status_int == 200
    assert nodes.servers.asked == [NODE]


def test_the_cloud_is_not_asked_for_who_has_no_good_token(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    for token in ('wrong', '', None):
        assert Booting(nodes, bay, token).ask().status_int == 401
    named_otherwise = Booting(nodes, bay, tokens['worker'], 'node-4')    # there are 0 to 3
    assert error_of(named_otherwise.ask()) == (403, 'magnum.bootstrap.node_refused')
    assert Booting(nodes, bay, tokens['worker']).ask('apiserver').status_int == 403
    assert nodes.send(
        f'/{bay.uuid}/certificates/kubelet?node={NODE}', tokens['worker'], 'nonsense'
    ).status_int == 400
    assert nodes.servers.asked == []


def test_a_retried_request_is_answered_again(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    """Its first answer may have been lost."""
    node = Booting(nodes, bay, tokens['worker'])
    first, second = node.ask(), node.ask()
    assert (first.status_int, second.status_int) == (200, 200)
    for answer in (first, second):
        certificate = x509.load_pem_x509_certificate(answer.body)
        assert certificate.public_key() == node.key.public_key()


def test_a_second_key_fails_the_operation(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    first, second = (Booting(nodes, bay, tokens['worker']) for _ in range(2))
    assert first.ask().status_int == 200
    assert error_of(second.ask()) == (409, 'magnum.bootstrap.identity_conflict')
    failed = operation(session)
    assert (failed.found_failure or {})['code'] == 'node_identity_conflict'
    assert NODE in (failed.found_failure or {})['reason']
    assert failed.state == states.QUEUED        # somebody has to end it
    assert nodes.wake_up.sent == 1
    (event,) = session.scalars(sa.select(models.Event))
    assert (event.kind, event.bay_uuid) == ('bay.create.node_identity_conflict', bay.uuid)
    # The token opens nothing any more, to neither.
    assert {first.ask().status_int, second.ask().status_int} == {401}
    # Nor does the authority, whatever becomes of the operation.
    assert session.scalars(sa.select(models.KeyPair)).all() == []
    assert session.scalars(sa.select(models.Node)).all() == []
    assert len(session.scalars(sa.select(models.Event)).all()) == 1


def test_tokens_that_are_armed_again_after_a_conflict(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    tokens: dict[str, str],
) -> None:
    """By a conductor that goes on where another one ended."""
    for status in (200, 409):
        assert Booting(nodes, bay, tokens['worker']).ask().status_int == status
    again = service.tokens.arm(session, bay.uuid, 'operation', ('worker',))
    session.commit()
    assert again['worker'] == tokens['worker']
    answer = Booting(nodes, bay, again['worker'], 'node-2').ask()
    assert error_of(answer) == (403, 'magnum.bootstrap.node_refused')


def test_a_second_key_for_another_purpose_later(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    """Nodes have a key for each purpose: each of them is bound."""
    node, thief = (Booting(nodes, bay, tokens['master']) for _ in range(2))
    assert node.ask('kubelet').status_int == node.ask('apiserver').status_int == 200
    assert error_of(thief.ask('apiserver')) == (409, 'magnum.bootstrap.identity_conflict')
    assert operation(session).found_failure is not None


def test_a_server_that_somebody_else_made_is_no_node(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    nodes.servers.servers.clear()
    nodes.servers.boot(NODE, PROJECT, owner='a member of the project')
    nodes.servers.boot(NODE, 'another project')
    answer = Booting(nodes, bay, tokens['worker']).ask()
    assert error_of(answer) == (403, 'magnum.bootstrap.node_refused')


def test_a_bay_without_an_identity_has_no_servers(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    session.execute(sa.update(models.BayIdentity).values(user_id=None))
    session.commit()
    assert Booting(nodes, bay, tokens['worker']).ask().status_int == 403


def test_the_bays_own_server_is_found_among_others(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    nodes.servers.boot(NODE, PROJECT, 'mallory', ('10.66.66.66',), later)
    answer = Booting(nodes, bay, tokens['worker']).ask('kubelet', '10.0.0.5', '10.66.66.66')
    assert addresses_in(answer.text) == {'10.0.0.5'}


def test_look_ups_that_find_nothing_are_bounded(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    nodes.servers.servers.clear()
    thief = Booting(nodes, bay, tokens['worker'])
    statuses = [thief.ask().status_int for _ in range(30)]
    assert set(statuses[:10]) == {403}
    assert set(statuses[10:]) == {429}
    assert len(nodes.servers.asked) == 10


def test_look_ups_of_all_bays_together_are_bounded() -> None:
    """Each of them holds a thread of the process."""
    held: list[str] = []

    class Slow:
        def named(self, name: str, project: str) -> list[Server]:
            held.append(name)
            look_up()   # while this one goes on
            return []

    def look_up() -> None:
        of_another = models.Bay(uuid=str(len(held)), project_id=PROJECT)
        driver: Any = FakeDriver()
        cloud.confirm(admission.Applicant(of_another, 'worker', NODE, driver), 'owner')

    cloud = admission.Cloud(Slow(), 3)  # type: ignore[arg-type]
    for _ in range(2):  # what has ended counts no more
        held.clear()
        with pytest.raises(errors.APIError) as caught:
            look_up()
        assert caught.value.kind is errors.service.CLOUD_UNAVAILABLE
        assert caught.value.headers['Retry-After']
        assert len(held) == 3


def test_a_cloud_that_is_away_is_waited_for(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    nodes.servers.fault = CloudUnavailable('compute', 'no answer')
    node = Booting(nodes, bay, tokens['worker'])
    answer = node.ask()
    assert error_of(answer) == (503, 'magnum.cloud_unavailable')
    assert answer.headers['Retry-After']
    nodes.servers.fault = None
    assert node.ask().status_int == 200


# Addresses ----------------------------------------------------------------
def test_a_worker_has_its_own_addresses_only(
    nodes: Nodes, bay: models.Bay, tokens: dict[str, str]
) -> None:
    worker = Booting(nodes, bay, tokens['worker'])
    answer = worker.ask('kubelet', '127.0.0.1', '10.0.0.5', API, SERVICE, STRANGE)
    assert addresses_in(answer.text) == {'127.0.0.1', '10.0.0.5'}


def test_what_serves_the_api_has_the_apis_too(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    bay.master_lb_enabled, bay.stack_id = True, 'stack'
    session.commit()
    nodes.servers.outputs['nodegroup'] = {'api_address': API}
    master = Booting(nodes, bay, tokens['master'])
    asked = ('10.0.0.5', API, SERVICE, STRANGE)
    assert addresses_in(master.ask('apiserver', *asked).text) == {'10.0.0.5', API, SERVICE}
    assert addresses_in(master.ask('kubelet', *asked).text) == {'10.0.0.5'}


def test_a_load_balancer_without_its_address_is_waited_for(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    bay.master_lb_enabled = True
    session.commit()
    master = Booting(nodes, bay, tokens['master'])
    assert master.ask('apiserver').status_int == 503
    assert Booting(nodes, bay, tokens['worker'], 'node-2').ask().status_int == 200


# Later operations ---------------------------------------------------------
@pytest.fixture
def living(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    tokens: dict[str, str],
) -> Booting:
    """A worker of an earlier operation."""
    node = Booting(nodes, bay, tokens['worker'])
    assert node.ask().status_int == 200
    return node


@pytest.mark.parametrize('verb', [states.RESIZE, states.UPGRADE])
def test_the_name_of_a_living_node_is_not_given_away(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    living: Booting, verb: str,
) -> None:
    token = conftest.build(session, service, bay, verb, 'later', ('worker',))['worker']
    thief = Booting(nodes, bay, token)
    assert error_of(thief.ask()) == (409, 'magnum.bootstrap.identity_conflict')
    assert (operation(session, 'later').found_failure or {})['code'] == 'node_identity_conflict'
    # The node itself is not the worse for it.
    node_trust.expect(session, bay.uuid, [('worker', NODE)])
    session.execute(sa.update(models.Operation).values(active_for=None))
    session.flush()
    conftest.build(session, service, bay, states.ROTATE_CA, 'rotation', ())
    assert living.reissue().status_int == 200
    assert thief.reissue().status_int == 401


def test_a_new_server_is_a_new_node(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    living: Booting,
) -> None:
    """An upgrade makes one of the same name."""
    token = conftest.build(session, service, bay, states.UPGRADE, 'later', ('worker',))['worker']
    nodes.servers.boot(NODE, PROJECT, addresses=('10.0.0.77',))
    renewed, late = Booting(nodes, bay, token), Booting(nodes, bay, token)
    answer = renewed.ask('kubelet', '10.0.0.5', '10.0.0.77')
    assert addresses_in(answer.text) == {'10.0.0.77'}
    assert error_of(late.ask()) == (409, 'magnum.bootstrap.identity_conflict')
    assert nodes.servers.asked == [NODE, NODE]


def test_neither_key_of_a_conflict_follows_a_rotation(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    living: Booting,
) -> None:
    """The first one may be the stranger's."""
    token = conftest.build(session, service, bay, states.UPGRADE, 'later', ('worker',))['worker']
    nodes.servers.boot(NODE, PROJECT)
    first, second = Booting(nodes, bay, token), Booting(nodes, bay, token)
    assert [first.ask().status_int, second.ask().status_int] == [200, 409]
    node_trust.expect(session, bay.uuid, [('worker', NODE)])
    conftest.build(session, service, bay, states.ROTATE_CA, 'rotation', ())
    assert [node.reissue().status_int for node in (first, second, living)] == [401] * 3


def test_a_workers_token_of_a_resize_names_workers_of_that_group(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    living: Booting,
) -> None:
    tokens = conftest.build(session, service, bay, states.RESIZE, 'later', ('worker',))
    assert 'master' not in tokens
    nodes.servers.boot('node-7', PROJECT)
    assert Booting(nodes, bay, tokens['worker'], 'node-7').ask().status_int == 200


@pytest.mark.parametrize('verb', [states.DELETE_NODEGROUP, states.ROTATE_CA])
def test_operations_that_build_nothing(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    tokens: dict[str, str], verb: str,
) -> None:
    """Even if they had a token."""
    token = conftest.build(session, service, bay, verb, 'later', ('worker',))['worker']
    assert Booting(nodes, bay, token).ask().status_int == 403


def test_a_token_ends_with_its_operation(
    nodes: Nodes, session: orm.Session, bay: models.Bay, tokens: dict[str, str]
) -> None:
    """Also where nobody disarmed it."""
    session.execute(sa.update(models.Operation).values(active_for=None))
    session.commit()
    assert Booting(nodes, bay, tokens['worker']).ask().status_int == 403


# Nodes of an earlier release ----------------------------------------------
class Old(Booting):
    """A node that a release before this one gave its certificate to."""

    def __init__(
        self, nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay
    ):
        super().__init__(nodes, bay, None)
        nodes.servers.servers.clear()
        long_ago = bay.created_at - datetime.timedelta(days=30)
        nodes.servers.boot(NODE, PROJECT, 'an earlier identity', ('10.0.0.5',), long_ago)
        service.ensure_authority(session, bay.uuid, bay.name)
        service.sign_node_csr(
            session, bay.uuid, 'worker', NODE, 'kubelet', KUBELET, NodeAddresses(), self.csr()
        )
        session.commit()


@pytest.fixture
def old(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay
) -> Old:
    return Old(nodes, session, service, bay)


def test_an_old_node_goes_on_in_a_rotation(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay, old: Old
) -> None:
    node_trust.expect(session, bay.uuid, [('worker', NODE)])
    conftest.build(session, service, bay, states.ROTATE_CA, 'rotation', ())
    asked = ('10.0.0.5', API, SERVICE)
    for _ in range(2):
        answer = old.reissue(*asked)
        assert answer.status_int == 200, answer.text
        assert addresses_in(answer.text) == {'10.0.0.5'}
    assert nodes.servers.asked == [NODE]
    assert Booting(nodes, bay, None).reissue().status_int == 401


def test_the_name_of_an_old_node_is_not_given_away(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay, old: Old
) -> None:
    session.execute(sa.update(models.BayIdentity).values(user_id='an earlier identity'))
    token = conftest.build(session, service, bay, states.RESIZE, 'later', ('worker',))['worker']
    answer = Booting(nodes, bay, token).ask()
    assert error_of(answer) == (409, 'magnum.bootstrap.identity_conflict')


def test_a_node_made_while_an_operation_waited_for_its_turn_is_not_its_own(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay, old: Old
) -> None:
    nodes.servers.servers.clear()
    ago = [bay.created_at - datetime.timedelta(minutes=minutes) for minutes in (90, 60, 30)]
    asked, made, begun = ago
    nodes.servers.boot(NODE, PROJECT, made=made)
    token = conftest.build(session, service, bay, states.RESIZE, 'later', ('worker',))['worker']
    session.execute(
        sa.update(models.Operation).filter_by(uuid='later')
        .values(created_at=asked, started_at=begun)
    )
    session.commit()
    answer = Booting(nodes, bay, token).ask()
    assert error_of(answer) == (409, 'magnum.bootstrap.identity_conflict')


def test_an_old_node_is_renewed(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay, old: Old
) -> None:
    token = conftest.build(session, service, bay, states.UPGRADE, 'later', ('worker',))['worker']
    nodes.servers.boot(NODE, PROJECT)
    assert Booting(nodes, bay, token).ask().status_int == 200


def test_nobody_is_known_by_certificates_of_an_authority_that_was_thrown_away(
    nodes: Nodes, session: orm.Session, service: CertificateService, bay: models.Bay,
    living: Booting, old: Old,
) -> None:
    service.discard_authority(session, bay.uuid)
    service.ensure_authority(session, bay.uuid, bay.name)
    session.commit()
    for node in (living, old):
        path = f'/{bay.uuid}/trust?node={NODE}&purpose=kubelet&trusts='
        assert nodes.send(path, None, node.csr()).status_int == 401
