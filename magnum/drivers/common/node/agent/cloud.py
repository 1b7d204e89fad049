# roles: master worker
"""The file with which a master uses the cloud, and its credential."""

from __future__ import annotations

import pathlib
import re
import time

from .channel import Away, Channel, Gone, Refused
from .conditions import condition
from .node import CLOUD, CLOUD_OF_PURPOSES, KEPT, Node, ProgramFailed

#: Generation of the credential that whoever uses the file has.
TAKEN = 'cloud-credential'
#: That of the one in the file, or of one before: it is written after the file.
FETCHED = f'{KEPT}/cloud-fetched'
#: Run when the file of a node that is built is another one; its status when that takes longer.
HOOK, LATER = '/opt/magnum/cloud_changed.sh', 75
#: Of one run, and until it is at fault that users of the file do not have it.
HOOK_SECONDS, TELLING_SECONDS = 60.0, 600.0
TELLING = 'Telling'
PURPOSE = re.compile('[a-z0-9-]{1,64}')


def is_wanted(node: Node) -> bool:
    """Whether the node is a master that gets the file."""
    return node.setting('MAGNUM_CLOUD_CREDENTIAL') == 'true'


def knows_purposes(node: Node) -> bool:
    """Whether what uses the cloud on the node may have a credential for each purpose."""
    return is_wanted(node) and node.setting('MAGNUM_KNOWS_PURPOSES') == 'true'


def taken(node: Node) -> str:
    """The generation that was taken over; empty when there is none."""
    return _generation(node, node.kept(TAKEN))


def _generation(node: Node, file: pathlib.Path) -> str:
    return file.read_text() if file.exists() and node.path(CLOUD).exists() else ''


def fetch(node: Node, channel: Channel) -> str:
    """Write the files as the service has them; returns their generation.

    :raises Away: the service is unavailable.
    :raises Refused: the service refused.
    :raises ProgramFailed: its answer is not valid.
    """
    answer = channel.signed('cloud', 'magnum/cloud', {})
    generation, configuration = answer.get('generation'), answer.get('configuration')
    if isinstance(generation, bool) or not isinstance(generation, int) or not (
        isinstance(configuration, str) and configuration
    ):
        raise ProgramFailed('the answer has no configuration of the cloud')
    of_purposes = answer.get('configurations', {})
    if not isinstance(of_purposes, dict) or not all(
        PURPOSE.fullmatch(purpose) and text and isinstance(text, str)
        for purpose, text in of_purposes.items()
    ):
        raise ProgramFailed('the answer has no configurations of the cloud for its purposes')
    folder = node.path(CLOUD_OF_PURPOSES)
    for purpose, text in of_purposes.items():
        node.write(folder / f'{purpose}.conf', text)
    for file in folder.glob('*.conf'):
        if file.stem not in of_purposes:
            file.unlink()
    node.write(node.path(CLOUD), configuration)
    node.write(node.path(FETCHED), str(generation))
    return str(generation)


def take(node: Node, channel: Channel) -> None:
    """Fetch the file on a node that is being built, unless it is there.

    What uses it comes in later steps.
    """
    if not taken(node):
        node.keep(TAKEN, fetch(node, channel))


class Cloud:
    """Follows the credential of a node that is built."""

    def __init__(self, node: Node, channel: Channel) -> None:
        self._node = node
        self._channel = channel
        self._trouble = ('', '')

    def follow(self, told: object) -> bool:
        """Take over the generation that a report was answered with, unless it is taken.

        :returns: whether another one was taken.
        :raises Gone: the bay is gone.
        """
        if not is_wanted(self._node) or not isinstance(told, int) or isinstance(told, bool):
            return False
        if taken(self._node) == str(told):
            self._trouble = ('', '')
            return False
        try:
            fetched = _generation(self._node, self._node.path(FETCHED))
            if fetched != str(told):
                fetched = fetch(self._node, self._channel)
            self._trouble = self._tell()
            if self._trouble[0]:
                return False
            self._node.keep(TAKEN, fetched)
        except Gone:
            raise
        except (Away, Refused, ProgramFailed, OSError) as error:
            self._trouble = ('NotFetched', str(error))
            return False
        return True

    def look(self) -> dict[str, dict[str, str]]:
        """The condition of the credential, on a master that gets one."""
        if not is_wanted(self._node):
            return {}
        reason, text = self._trouble
        if not reason and not taken(self._node):
            reason = 'Missing'
        status = 'Unknown' if reason == TELLING else not reason
        return {'CloudCredential': condition(status, reason or 'Taken', text)}

    def _tell(self) -> tuple[str, str]:
        """Tell whoever uses the file; what is wrong, if anything."""
        hook = self._node.path(HOOK)
        if not hook.exists():
            return '', ''
        done = self._node.run(hook, seconds=HOOK_SECONDS)
        if done.status == 0:
            return '', ''
        lines = self._node.cleaned(done.text).splitlines() or ['']
        since = time.time() - self._node.path(FETCHED).stat().st_mtime
        reason = TELLING if done.status == LATER and since < TELLING_SECONDS else 'NotTold'
        return reason, lines[-1] if done.status is not None else 'it was not done in time'
