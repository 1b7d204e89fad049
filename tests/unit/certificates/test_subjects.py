import re

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from oslo_config import cfg

from magnum.certificates.errors import SubjectRefused
from magnum.certificates.subjects import CallerName, SubjectPolicy, SubjectRuleInvalid
from tests.unit.certificates import csr

MASTERS = csr.name(CN='admin', O='system:masters')
VIEWER = csr.name(CN='eve', O='magnum:viewers')
EVE = CallerName('0e5e', 'eve')
SUBJECTS = [MASTERS, VIEWER, csr.name(CN='Magnum User'), csr.name(OU='x'), x509.Name([])]


@pytest.fixture
def policy(conf: cfg.ConfigOpts) -> SubjectPolicy:
    return SubjectPolicy.from_config(conf)


@pytest.mark.parametrize('coe', ['kubernetes', 'swarm', 'mesos'])
@pytest.mark.parametrize(
    'roles', [['member'], ['admin'], ['Member'], ['reader', 'member'], ['reader', 'admin']]
)
def test_members_and_admins_may_have_any_subject(
    policy: SubjectPolicy, roles: list[str], coe: str
) -> None:
    for subject in SUBJECTS:
        assert not policy.check(subject, roles, coe).is_bounding


def test_readers_may_be_viewers(policy: SubjectPolicy) -> None:
    by_id = csr.name(CN='0e5e', O='magnum:viewers')
    for subject in (VIEWER, by_id):
        assert policy.check(subject, ['reader'], 'kubernetes', EVE).is_bounding


@pytest.mark.parametrize(
    'caller',
    [
        CallerName('0b0b', 'bob'), CallerName('0b0b', 'eve2'), CallerName('0b0b', 'e.e'),
        CallerName('0b0b', '.*'), CallerName('0b0b', ''), CallerName(), CallerName(None, 'Eve'),
    ],
)
def test_a_reader_has_no_certificate_of_another(
    policy: SubjectPolicy, caller: CallerName
) -> None:
    with pytest.raises(SubjectRefused):
        policy.check(VIEWER, ['reader'], 'kubernetes', caller)


@pytest.mark.parametrize('name', ['system:kube-scheduler', 'kube-proxy', 'magnum:x', 'etcd-1'])
def test_a_reader_who_is_called_like_a_component(policy: SubjectPolicy, name: str) -> None:
    with pytest.raises(SubjectRefused):
        policy.check(
            csr.name(CN=name, O='magnum:viewers'), ['reader'], 'kubernetes', CallerName('1', name)
        )


@pytest.mark.parametrize(
    'subject',
    [
        MASTERS,
        x509.Name([]),
        csr.name(CN='eve'),
        csr.name(O='magnum:viewers'),
        csr.name(CN='eve', O='magnum:viewers2'),
        csr.name(CN='eve', O='Magnum:Viewers'),
        csr.name(CN='eve', O='magnum:viewers', OU='x'),
        csr.name(CN='system:kube-scheduler', O='magnum:viewers'),
        csr.name(CN='magnum:kubelet-client', O='magnum:viewers'),
        csr.name(CN='front-proxy-client', O='magnum:viewers'),
        csr.name(CN='a\nb', O='magnum:viewers'),
        x509.Name([*VIEWER, *csr.name(O='system:masters')]),
        x509.Name([*csr.name(O='system:masters'), *VIEWER]),
        x509.Name([*VIEWER, *csr.name(CN='system:apiserver')]),
        x509.Name([*VIEWER, x509.NameAttribute(NameOID.USER_ID, '0')]),
    ],
)
def test_readers_may_be_nothing_else(policy: SubjectPolicy, subject: x509.Name) -> None:
    with pytest.raises(SubjectRefused) as caught:
        policy.check(subject, ['reader'], 'kubernetes', EVE)
    refused, _, rule = str(caught.value).partition(' refused by the rule ')
    assert refused == f"Subject '{subject.rfc4514_string()}'"
    assert rule.startswith("'reader: O=magnum:viewers")


@pytest.mark.parametrize('coe', ['swarm', 'mesos'])
def test_readers_have_none_where_any_certificate_opens_everything(
    policy: SubjectPolicy, coe: str
) -> None:
    with pytest.raises(SubjectRefused):
        policy.check(VIEWER, ['reader'], coe, EVE)


def test_every_rule_that_was_tried_is_named() -> None:
    policy = SubjectPolicy(['a: CN=x', 'b: CN=y', 'c: CN=z'])
    with pytest.raises(SubjectRefused, match=r"by the rule 'a: CN=x; c: CN=z'$"):
        policy.check(VIEWER, ['a', 'c'], 'kubernetes')


@pytest.mark.parametrize('roles', [[], ['load-balancer_member'], ['']])
def test_other_roles_have_no_rule(policy: SubjectPolicy, roles: list[str]) -> None:
    with pytest.raises(SubjectRefused, match='no rule'):
        policy.check(MASTERS, roles, 'kubernetes')


def test_rules_are_configuration(conf: cfg.ConfigOpts) -> None:
    conf.set_override(
        'subject_rule',
        ['member: O=team-[a-z]{1,3}, CN=.+', 'member: OU=ops', 'Admin: *'],
        'x509',
    )
    policy = SubjectPolicy.from_config(conf)
    assert policy.check(csr.name(O='team-abc', CN='x'), ['member'], 'kubernetes').is_bounding
    assert policy.check(csr.name(OU='ops'), ['member'], 'kubernetes').is_bounding
    assert not policy.check(MASTERS, ['ADMIN'], 'kubernetes').is_bounding
    with pytest.raises(SubjectRefused, match='OU=ops'):
        policy.check(MASTERS, ['member'], 'kubernetes')


def test_the_most_generous_rule_counts() -> None:
    policy = SubjectPolicy(['reader: CN=.*', 'member: *'])
    assert policy.check(csr.name(CN='x'), ['reader', 'member'], 'kubernetes').text == 'member: *'


NO_RULE = 'not of the form "<role>: <condition>"'


@pytest.mark.parametrize(('text', 'said'), [
    ('', NO_RULE), ('member', NO_RULE), ('member:', NO_RULE), (': *', NO_RULE),
    ('member: anything', '"anything" does not begin with one of CN, O, OU, C, ST, L, UID and "="'),
    ('member: X=1', '"X=1" does not begin with one of CN, O, OU, C, ST, L, UID and "="'),
    ('member: CN=(', '"(" is no regular expression: '),
])
def test_a_malformed_rule_is_an_error_at_start(text: str, said: str) -> None:
    whole = f'[x509] subject_rule "{text}": {said}'
    with pytest.raises(SubjectRuleInvalid, match=re.escape(whole)):
        SubjectPolicy([text])


def test_an_equals_sign_in_a_pattern() -> None:
    policy = SubjectPolicy(['member: CN=a=b'])
    policy.check(csr.name(CN='a=b'), ['member'], 'kubernetes')
    with pytest.raises(SubjectRefused):
        policy.check(csr.name(CN='b'), ['member'], 'kubernetes')
