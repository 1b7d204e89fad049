"""What every ``magnum`` does with baymodels, and the later ones with cluster templates.

Subclasses in the modules of releases make tests of them. ``COE`` is that of
the model that the module's bay is made of.
"""

import pytest

from tests.functional.clients.record import covers
from tests.functional.clients.shell import Output, Shell
from tools.devcloud import settings


class Models:
    """Commands that two vocabularies have in common, under these names."""

    KIND: str          # how commands begin
    CREATE: tuple[str, ...]   # options that both name otherwise

    @pytest.fixture(scope='class')
    @classmethod
    def spare(cls, magnum_cli: Shell, prefix: str) -> Output:
        """A model that no bay is made of, with everything that can be said of it."""
        return magnum_cli(
            f'{cls.KIND}-create', '--name', f'{prefix}-spare', *cls.CREATE,
            '--coe', 'kubernetes', '--network-driver', 'flannel',
            '--dns-nameserver', '9.9.9.9', '--docker-volume-size', '3',
            '--http-proxy', 'http://proxy:3128', '--https-proxy', 'http://proxy:3128',
            '--no-proxy', '10.0.0.1',
            '--labels', 'flannel_network_cidr=10.100.0.0/16,flannel_backend=vxlan',
        )

    def check_create(self, spare: Output, prefix: str) -> None:
        shown = spare.fields
        assert shown['name'] == f'{prefix}-spare'
        assert shown['coe'] == 'kubernetes'
        assert shown['cluster_distro'] == 'debian'
        assert shown['docker_volume_size'] == '3'
        assert shown['http_proxy'] == 'http://proxy:3128'
        assert "'flannel_network_cidr': '10.100.0.0/16'" in shown['labels']
        assert 'links' not in shown

    def check_list(self, magnum_cli: Shell, spare: Output, prefix: str) -> None:
        listed = magnum_cli(f'{self.KIND}-list').rows
        assert {'uuid': spare.fields['uuid'], 'name': f'{prefix}-spare'} in listed
        page = magnum_cli(
            f'{self.KIND}-list', '--limit', '2', '--sort-key', 'name', '--sort-dir', 'desc'
        ).rows
        names = [row['name'] for row in page]
        assert len(names) == 2
        assert names == sorted(names, reverse=True)

    def check_show(self, magnum_cli: Shell, spare: Output, prefix: str) -> None:
        for ident in (f'{prefix}-spare', spare.fields['uuid']):
            assert magnum_cli(f'{self.KIND}-show', ident).fields == spare.fields
        assert 'nobody could not be found' in magnum_cli.refused(f'{self.KIND}-show', 'nobody')

    def check_update(self, magnum_cli: Shell, spare: Output) -> None:
        def update(operation: str, *paths: str) -> dict[str, str]:
            return magnum_cli(
                f'{self.KIND}-update', spare.fields['uuid'], operation, *paths
            ).fields

        changed = update('replace', 'dns_nameserver=8.8.4.4', 'docker_volume_size=5')
        assert (changed['dns_nameserver'], changed['docker_volume_size']) == ('8.8.4.4', '5')
        labels = update('add', 'labels/flannel_network_subnetlen=25')['labels']
        assert "'flannel_network_subnetlen': '25'" in labels
        assert update('remove', 'no_proxy')['no_proxy'] in ('None', '-')
        assert "'/coe' is a mandatory attribute and can not be removed" in magnum_cli.refused(
            f'{self.KIND}-update', spare.fields['uuid'], 'remove', 'coe'
        )

    def check_delete(self, magnum_cli: Shell, spare: Output, gone: str) -> None:
        uuid = spare.fields['uuid']
        magnum_cli(f'{self.KIND}-delete', uuid)
        assert 'could not be found' in magnum_cli.refused(f'{self.KIND}-show', uuid)
        assert gone in magnum_cli(f'{self.KIND}-delete', uuid).text


class Baymodels(Models):
    KIND = 'baymodel'
    CREATE = (
        '--image-id', 'debian-12', '--keypair-id', 'alice-key',
        '--external-network-id', settings.EXTERNAL_NETWORK,
        '--flavor-id', 'm1.small', '--master-flavor-id', 'm1.medium',
    )

    @covers('baymodel-create')
    def test_create(self, spare: Output, prefix: str) -> None:
        self.check_create(spare, prefix)

    @covers('baymodel-list')
    def test_list(self, magnum_cli: Shell, spare: Output, prefix: str) -> None:
        self.check_list(magnum_cli, spare, prefix)

    @covers('baymodel-show')
    def test_show(self, magnum_cli: Shell, spare: Output, prefix: str) -> None:
        self.check_show(magnum_cli, spare, prefix)

    @covers('baymodel-update')
    def test_update(self, magnum_cli: Shell, spare: Output) -> None:
        self.check_update(magnum_cli, spare)

    @covers('baymodel-delete')
    def test_delete(self, magnum_cli: Shell, spare: Output) -> None:
        self.check_delete(magnum_cli, spare, 'Delete for baymodel')


class ClusterTemplates(Models):
    KIND = 'cluster-template'
    CREATE = (
        '--image', 'debian-12', '--keypair', 'alice-key',
        '--external-network', settings.EXTERNAL_NETWORK,
        '--flavor', 'm1.small', '--master-flavor', 'm1.medium',
    )

    @covers('cluster-template-create')
    def test_create(self, spare: Output, prefix: str) -> None:
        self.check_create(spare, prefix)

    @covers('cluster-template-list')
    def test_list(self, magnum_cli: Shell, spare: Output, prefix: str) -> None:
        self.check_list(magnum_cli, spare, prefix)

    @covers('cluster-template-show')
    def test_show(self, magnum_cli: Shell, spare: Output, prefix: str) -> None:
        self.check_show(magnum_cli, spare, prefix)

    @covers('cluster-template-update')
    def test_update(self, magnum_cli: Shell, spare: Output) -> None:
        self.check_update(magnum_cli, spare)
        shown = magnum_cli(
            'cluster-template-update', spare.fields['uuid'], 'replace',
            'labels=flannel_backend=host-gw,kube_tag=v1.33.0',
        ).fields
        assert shown['labels'].count("': '") == 2

    @covers('cluster-template-delete')
    def test_delete(self, magnum_cli: Shell, spare: Output) -> None:
        self.check_delete(magnum_cli, spare, 'Delete for cluster template')
