"""Follow the servers of the cloud: boot, stop, reboot and remove their machines."""

import concurrent.futures
import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

import requests

from tools.common import command, processes
from tools.common.errors import ToolError
from tools.devcloud import node_agent_claim as claims
from tools.devcloud.node_agent_boot import StepFailed, read_settings
from tools.nodes import (
    balancers,
    forwarding,
    guest,
    layout,
    machine,
    network,
    security,
    seed,
    volumes,
)
from tools.nodes.cloud import ClientException, Cloud, Link, NotFound, Server
from tools.nodes.forwarding import Forwarding
from tools.nodes.kubernetes import recipe
from tools.nodes.machine import Facts, Machine

LOG = logging.getLogger('nodes')

#: Is there while the process does its work.
READY: Final = layout.STATE / 'ready'
_RUNNING: Final = frozenset({'ACTIVE'})
_OFF: Final = frozenset({'SHUTOFF'})
_GONE: Final = frozenset({'DELETED', 'SOFT_DELETED'})
_INTERVAL: Final = 2.0  # seconds
_PARALLEL: Final = 8
#: Seconds for a machine that is to stop, and for all at the end of this process.
_PATIENCE: Final = 60.0
_PATIENCE_AT_END: Final = 10.0
#: Settings with the ids of volumes that a node waits for; that for containers first.
_VOLUMES: Final = ('MAGNUM_VOLUME_ID', 'MAGNUM_ETCD_VOLUME_ID')
#: Seconds before what failed is tried again.
_RETRY: Final = 20.0
#: Settings that nodes of a COE have to have to be booted here: of Kubernetes there are the
#: releases that were built.
_ONLY: Final = {
    'kubernetes': {
        'MAGNUM_KUBE_VERSION': f'(?:{re.escape(recipe.VERSION)}|{re.escape(recipe.NEXT)})$',
    },
}


class Watch:
    """Keeps machines in step with the servers of the cloud."""

    def __init__(self, cloud: Cloud, claimed: claims.Claims):
        self._cloud = cloud
        self._claimed = claimed
        self._networks = network.Networks(cloud.outside())
        self._forwarding = Forwarding()
        self._balancers = balancers.Balancers()
        self._pool = concurrent.futures.ThreadPoolExecutor(_PARALLEL, 'machine')
        self._machines = {found.facts.id: found for found in machine.saved()}
        self._servers: dict[str, Server] = {}
        #: Servers that are not booted here.
        self._foreign: set[str] = set()
        #: One thing at a time for a machine.
        self._jobs: dict[str, concurrent.futures.Future[None]] = {}
        self._not_before: dict[str, float] = {}
        self._links: dict[str, Link] = {}
        self._rules: dict[str, str] = {}
        #: Boots that users asked of Nova and that were done.
        self._boots: dict[str, set[str]] = {}
        self._seen: dict[str, str] = {}
        self._volumes: dict[str, dict[str, int]] = {}
        #: Volumes of machines that are gone.
        self._left: set[str] = set()
        #: Those that ended by themselves and that Nova believes to run.
        self._halted: set[str] = set()

    def turn(self) -> None:
        """Bring machines in step with servers, once.

        :raises ClientException: the cloud does not answer.
        """
        for server in self._cloud.changed_servers():
            self._servers[server.id] = server
        self._jobs = {key: job for key, job in self._jobs.items() if not job.done()}
        for server in list(self._servers.values()):
            if server.id not in self._jobs and server.id not in self._foreign:
                self._follow(server)
        for server_id in self._machines.keys() - self._servers.keys() - self._jobs.keys():
            self._submit(server_id, self._remove)
        for volume in list(self._left):
            if not self._cloud.has_volume(volume):
                volumes.remove(volume)
                self._left.discard(volume)
        self._refresh()

    def end(self) -> None:
        """Stop all machines at once, and remove what they leave on this host."""
        running = list(self._machines.values())
        for job in [self._pool.submit(each.shut_down, _PATIENCE_AT_END) for each in running]:
            job.result()
        self._pool.shutdown()
        for each in running:
            each.clean_up(network.of_machine(each.facts.id))
        self._forwarding.end()

    # One server -------------------------------------------------------------------
    def _follow(self, server: Server) -> None:
        found = self._machines.get(server.id)
        if server.status in _GONE:
            del self._servers[server.id]
            if found:
                self._submit(server.id, self._remove)
        elif found is None:
            if server.status in _RUNNING:
                self._submit(server.id, self._make)
        elif found.process is not None and found.pid() is None:
            self._submit(server.id, self._ended)
        elif server.status in _OFF:
            self._halted.discard(server.id)
            if found.process is not None:
                self._submit(server.id, self._stop)
        elif server.status in _RUNNING:
            if self._seen.get(server.id) != server.updated:
                self._submit(server.id, self._look_for_boots)
            elif found.process is None and server.id not in self._halted:
                self._submit(server.id, self._boot)

    def _submit(self, server_id: str, work: Callable[[str], None]) -> None:
        if time.monotonic() < self._not_before.get(server_id, 0):
            return

        def job() -> None:
            try:
                work(server_id)
            except NotFound:
                pass  # gone meanwhile; the next turn sees that
            except (ClientException, ToolError, OSError, StepFailed) as error:
                LOG.error('%s: %s', self._name(server_id), error)
                self._not_before[server_id] = time.monotonic() + _RETRY
            except Exception:
                LOG.exception('%s: a fault of tools/nodes', self._name(server_id))
                self._not_before[server_id] = time.monotonic() + _RETRY

        self._jobs[server_id] = self._pool.submit(job)

    def _name(self, server_id: str) -> str:
        server = self._servers.get(server_id)
        return server.name if server else server_id

    def _make(self, server_id: str) -> None:
        """Give a new server its machine, if it is a node that is booted here."""
        server = self._servers[server_id]
        user_data = self._cloud.user_data(server_id)
        settings = read_settings(user_data)
        if settings is None or not claims.covers(self._claimed, settings):
            self._foreign.add(server_id)
            return
        links = self._cloud.links(device_id=server_id)
        if not links:
            raise ToolError('the server has no port yet')
        link = links[0]
        made = Machine(Facts(
            id=server_id, name=server.name, address=link.address, network=link.network,
            port=link.id, coe=settings.get('MAGNUM_COE', ''),
            ports=tuple(forwarding.ports(settings)),
            volumes=tuple(filter(None, map(settings.get, _VOLUMES))),
            mount=settings['MAGNUM_VOLUME_MOUNT'] if settings.get(_VOLUMES[0]) else '',
            image=self._image(server_id),
            user_data_bytes=len(user_data),
        ))
        made.wipe()
        seed.write(made.upper, server, user_data, link, self._cloud.network(link))
        guest.add_standins(made.upper, made.facts.coe)
        made.save()
        self._boots[server_id] = set(self._cloud.boots(server_id))
        self._seen[server_id] = server.updated
        self._machines[server_id] = made
        self._boot(server_id)

    def _image(self, server_id: str) -> str:
        """The server's image, if there is a guest of it."""
        name = self._cloud.image(server_id)
        return name if name in guest.SUITES else guest.IMAGE

    def _boot(self, server_id: str) -> None:
        found = self._machines[server_id]
        (link,) = self._cloud.links(device_id=server_id)
        namespace = self._networks.plug(link, self._cloud.network(link))
        self._links[server_id] = link
        self._rules.pop(server_id, None)
        self._secure({server_id: link}, self._cloud.links(network_id=link.network))
        if link.is_up:
            self._forwarding.open(namespace, found.facts.ports)
        loops = [
            volumes.device(volume, size)
            for volume, size in self._volumes.get(server_id, {}).items()
        ]
        found.boot(namespace, guest.ensure(found.facts.coe, found.facts.image), loops)
        LOG.info('%s: booted, %s, %s', found, link.address, found.facts.coe)

    def _stop(self, server_id: str) -> None:
        found = self._machines[server_id]
        began = time.monotonic()
        found.shut_down(_PATIENCE)
        self._let_go(found)
        LOG.info('%s: stopped in %.1f s', found, time.monotonic() - began)

    def _ended(self, server_id: str) -> None:
        """A machine has ended, and nobody asked Nova for that."""
        found = self._machines[server_id]
        code = found.exit_code()
        self._let_go(found)
        if code == machine.REBOOT:
            LOG.info('%s: reboots by itself', found)
            self._boot(server_id)
            return
        LOG.info('%s: has ended by itself (%d)', found, code)
        self._halted.add(server_id)
        # As Nova does when it finds such a server.
        self._cloud.act(server_id, 'os-stop')
        # Somebody may start it before the next look, which would not see that it was off.
        processes.wait_until(lambda: self._cloud.status(server_id) in _OFF, _PATIENCE)
        self._halted.discard(server_id)

    def _look_for_boots(self, server_id: str) -> None:
        """Do the reboots and rebuilds that users asked of Nova since the last look."""
        updated = self._servers[server_id].updated
        asked = self._cloud.boots(server_id)
        known = self._boots.get(server_id)
        new = {} if known is None else {key: asked[key] for key in asked.keys() - known}
        if new:
            self._stop(server_id)
            if 'rebuild' in new.values():
                self._remove_disk(server_id)
                self._make(server_id)
            else:
                self._boot(server_id)
        self._boots[server_id] = set(asked)
        self._seen[server_id] = updated

    def _remove(self, server_id: str) -> None:
        found = self._machines[server_id]
        found.power_off()
        self._let_go(found)
        self._remove_disk(server_id)
        for table in (self._boots, self._seen, self._not_before):
            table.pop(server_id, None)
        if all(other.facts.network != found.facts.network for other in self._machines.values()):
            self._balancers.leave(found.facts.network)
            self._networks.remove(found.facts.network)
        LOG.info('%s: removed', found)

    def _remove_disk(self, server_id: str) -> None:
        found = self._machines.pop(server_id)
        # Another server may have one next: it goes when Cinder has it no more.
        self._left |= self._volumes.pop(server_id, {}).keys()
        found.remove()

    def _let_go(self, found: Machine) -> None:
        namespace = network.of_machine(found.facts.id)
        self._forwarding.close(namespace)
        found.clean_up(namespace)
        self._networks.unplug(found.facts.id)
        self._links.pop(found.facts.id, None)

    # All that run -----------------------------------------------------------------
    def _refresh(self) -> None:
        """Apply changes of networks, security groups and volumes."""
        if not self._links:
            return
        running = {
            server_id: link for server_id, link in list(self._links.items())
            if server_id not in self._jobs
        }
        every: list[Link] = []
        for network_id in sorted({link.network for link in self._links.values()}):
            every += self._cloud.links(network_id=network_id)
        now = {link.server: link for link in every if link.server in running}
        for server_id, link in now.items():
            if link.is_up != running[server_id].is_up:
                self._switch(link)
        self._links.update(now)
        self._secure(now, every)
        ours = {link.id: link for link in every if link.server in self._machines}
        networks = {link.network: link for link in ours.values()}
        balanced = [each for each in self._cloud.balancers() if each.network in networks]
        self._balancers.follow(balanced)
        inside = {link.id: link.network for link in ours.values()}
        inside |= {balancer.vip: balancer.network for balancer in balanced}
        floating = self._cloud.floating_addresses(inside)
        for link in networks.values():
            self._networks.lead(
                self._cloud.network(link),
                [each for each in floating if inside[each.port] == link.network],
            )
        for server_id in now:
            self._show_volumes(server_id)

    def _switch(self, link: Link) -> None:
        found = self._machines[link.server]
        self._networks.switch(link)
        namespace = network.of_machine(link.server)
        if link.is_up:
            self._forwarding.open(namespace, found.facts.ports)
        else:
            self._forwarding.close(namespace)
        LOG.info('%s: %s the network', found, 'joined' if link.is_up else 'cut off')

    def _secure(self, links: dict[str, Link], every: list[Link]) -> None:
        rules = self._cloud.rules({group for link in links.values() for group in link.groups})
        addresses = security.members(every)
        for server_id, link in links.items():
            text = security.table(link, rules, addresses)
            if self._rules.get(server_id) != text:
                security.apply(network.of_machine(server_id), text)
                self._rules[server_id] = text

    def _show_volumes(self, server_id: str) -> None:
        found = self._machines[server_id]
        if not found.facts.volumes:
            return
        known = self._volumes.setdefault(server_id, {})
        if not known.keys() >= {*found.facts.volumes}:
            for volume in self._cloud.volumes(server_id):
                self._take_away(volume, server_id)
                known[volume] = self._cloud.volume_size(volume)
        leader = found.leader()
        if leader is not None:
            for volume, size in known.items():
                volumes.show(leader, volume, size)


    def _take_away(self, volume: str, server_id: str) -> None:
        """Take a volume that a server has now from the machine that had it before.

        With its power: a machine that runs keeps what it has mounted.
        """
        for other, had in list(self._volumes.items()):
            if other != server_id and had.pop(volume, 0) and other in self._machines:
                LOG.info('%s: loses a volume, and its power', self._machines[other])
                self._machines[other].power_off()


def sweep() -> None:
    """End what an earlier process has left running on this machine."""
    for each in machine.saved():
        each.power_off()
        each.clean_up(network.of_machine(each.facts.id))
    balancers.sweep()
    network.remove_all()
    volumes.detach_all()


def run(claimed: claims.Claims, stopping: threading.Event, interval: float = _INTERVAL) -> None:
    """Follow the cloud until told to stop; one that is away is waited for."""
    layout.MACHINES.mkdir(parents=True, exist_ok=True)
    with _only_one(), guest.held():
        sweep()
        watch = Watch(Cloud(), claimed)
        is_away = False
        try:
            while not stopping.is_set():
                try:
                    watch.turn()
                    READY.touch()
                    is_away = False
                except (ClientException, requests.RequestException) as error:
                    if not is_away:
                        LOG.warning('the cloud does not answer, trying again: %s', error)
                    is_away = True
                except (ToolError, OSError) as error:
                    LOG.error('%s', error)
                stopping.wait(interval)
        finally:
            READY.unlink(missing_ok=True)
            watch.end()
            sweep()


@contextlib.contextmanager
def _only_one() -> Iterator[None]:
    def refuse() -> None:
        raise ToolError('machines of this cloud are looked after already')

    with command.lock(layout.STATE / 'lock', refuse):
        yield


def claim(coes: list[str], names: str, bootstrap: str) -> claims.Claims:
    """What is booted here: nodes of these COEs, names and endpoints.

    :param names: a regular expression.
    :param bootstrap: what the address of the nodes' endpoint begins with.
    """
    return [
        {
            'MAGNUM_COE': f'{re.escape(coe)}$',
            'MAGNUM_NODE_NAME': names,
            'MAGNUM_BOOTSTRAP_URL': re.escape(bootstrap),
            **_ONLY.get(coe, {}),
        }
        for coe in coes
    ]
