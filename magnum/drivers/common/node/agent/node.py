# roles: master worker
"""A node: its settings, its files and its programs, below a root."""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import re
import shlex
import signal
import subprocess
from typing import NamedTuple

CERTIFICATES = '/etc/magnum/certificates'
SETTINGS = '/etc/magnum/node.env'
#: What it took over since it was made.
TAKEN_OVER = '/etc/magnum/taken-over.env'
#: Where the agent keeps what it has to know later, and where while the disk takes nothing.
KEPT, KEPT_IN_MEMORY = '/var/lib/magnum-agent', '/run/magnum-agent'
#: With which a master uses the cloud, where its bay wants that.
CLOUD = '/etc/kubernetes/cloud.conf'
#: The same for purposes that have a credential of their own, by their names.
CLOUD_OF_PURPOSES = '/etc/kubernetes/cloud'
#: Keys with which masters encrypt; empty in a bay that has none.
ENCRYPTION_KEY = '/etc/magnum/encryption-key'
#: Settings whose values are secret.
SECRET_SETTINGS = (
    'MAGNUM_BOOTSTRAP_TOKEN', 'MAGNUM_HTTP_PROXY', 'MAGNUM_HTTPS_PROXY',
)


class ProgramFailed(Exception):
    """A program failed; the text is its output."""


class Ended(NamedTuple):
    """Exit status and output of a script."""

    status: int | None
    text: str


class Node:
    """A node whose files lie below a root."""

    def __init__(self, root: str | os.PathLike[str] = '/') -> None:
        """:raises OSError: the root is that of no node."""
        self.root = pathlib.Path(root)
        texts = self.path(SETTINGS).read_text(), self._text(TAKEN_OVER)
        self.settings = dict(word.split('=', 1) for word in shlex.split('\n'.join(texts)))
        self.name = self.settings['MAGNUM_NODE_NAME']
        self.role = self.settings['MAGNUM_NODE_ROLE']
        self.bay = self.settings['MAGNUM_BAY_UUID']

    def setting(self, name: str) -> str:
        """The value of a setting; empty when there is none."""
        return self.settings.get(name, '')

    def path(self, name: str) -> pathlib.Path:
        """Where a file lies that has this absolute name on the node."""
        return self.root / name.lstrip('/')

    def certificate(self, purpose: str) -> pathlib.Path:
        """The file of a certificate."""
        return self.path(CERTIFICATES) / (purpose + '.pem')

    def key(self, purpose: str) -> pathlib.Path:
        """The file of a certificate's private key."""
        return self.path(CERTIFICATES) / (purpose + '.key')

    def purposes(self) -> list[str]:
        """Purposes of the node's certificates."""
        return self.setting('MAGNUM_CERTIFICATES').split()

    def write(self, file: pathlib.Path, content: str | bytes, mode: int = 0o600) -> None:
        """Write a file atomically.

        :raises OSError: it cannot be written; the file is as it was.
        """
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(file.name + '.new')
        data = content.encode() if isinstance(content, str) else content
        descriptor = os.open(str(new), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        with os.fdopen(descriptor, 'wb') as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(str(new), mode)
        os.replace(str(new), str(file))

    def keep(self, name: str, content: str) -> None:
        """Keep a file of the agent's own, in memory while the disk is full or broken.

        :raises OSError: it is kept nowhere.
        """
        in_memory = self.path(KEPT_IN_MEMORY) / name
        try:
            self.write(self.path(KEPT) / name, content)
        except OSError:
            self.write(in_memory, content)
        else:
            if in_memory.exists():
                in_memory.unlink()

    def kept(self, name: str) -> pathlib.Path:
        """The file that was kept last by this name, which need not be there."""
        in_memory = self.path(KEPT_IN_MEMORY) / name
        return in_memory if in_memory.exists() else self.path(KEPT) / name

    def cloud(self, purpose: str) -> pathlib.Path:
        """The file with which the cloud is used for a purpose."""
        own = self.path(CLOUD_OF_PURPOSES) / f'{purpose}.conf'
        return own if own.exists() else self.path(CLOUD)

    def environment(self, **further: str) -> dict[str, str]:
        """The environment of the node's scripts."""
        return {
            'HOME': '/root',
            'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
            'LC_ALL': 'C.UTF-8',
            **self.settings,
            **further,
        }

    def run(self, script: pathlib.Path, *arguments: str, seconds: float, **variables: str) -> Ended:
        """Run a script of the node; processes that it leaves are killed.

        :returns: its status, None after a timeout, and its output.
        :raises OSError: it cannot be run.
        """
        with subprocess.Popen(
            [str(script), *arguments], env=self.environment(**variables),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as process:
            try:
                said, _ = process.communicate(timeout=seconds)
                status: int | None = process.returncode
            except subprocess.TimeoutExpired:
                status = None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            if status is None:
                said, _ = process.communicate()
        return Ended(status, said.decode('utf-8', 'replace'))

    def cleaned(self, text: str) -> str:
        """A text without the node's secrets, private keys and control characters."""
        for name in SECRET_SETTINGS:
            value = self.setting(name)
            if '_PROXY' in name:
                # The password of http://user:password@host.
                value = value.rpartition('@')[0].rpartition('//')[2]
            if value:
                text = text.replace(value, '***')
        for value in filter(None, self._secrets_in_files()):
            text = text.replace(value, '***')
        lines = [''.join(one if one.isprintable() else ' ' for one in line)
                 for line in text.splitlines()]
        return '\n'.join(_without_keys(lines))

    def _text(self, name: str) -> str:
        try:
            return self.path(name).read_text()
        except OSError:
            return ''

    def _secrets_in_files(self) -> list[str]:
        """The keys, the secrets of the cloud, and these as Kubernetes keeps files with them."""
        of_purposes = self.path(CLOUD_OF_PURPOSES).glob('*.conf')
        contents = [self._text(CLOUD), *(
            self._text(f'{CLOUD_OF_PURPOSES}/{file.name}') for file in of_purposes
        )]
        # Lines of keys, each after its name if it has one.
        lines = map(str.split, self._text(ENCRYPTION_KEY).splitlines())
        keys = [line[-1] for line in lines if line]
        secrets = re.findall(
            r'^application-credential-secret *= *"?([^"\s]+)', '\n'.join(contents), re.M
        )
        within = [text for secret in secrets for text in _in_base64(secret.encode())]
        whole = [base64.b64encode(content.encode()).decode('ascii') for content in contents]
        return [*keys, *secrets, *whole, *within]


def _in_base64(secret: bytes) -> list[str]:
    """What shows a secret in the base64 of any text around it, by where it begins there."""
    return [
        base64.b64encode(bytes(before) + secret).decode('ascii')
        [(before * 8 + 5) // 6:(before + len(secret)) * 8 // 6] for before in range(3)
    ]


def _without_keys(lines: list[str]) -> list[str]:
    found = []
    inside = False
    for line in lines:
        inside = inside or ('-----BEGIN' in line and 'PRIVATE KEY' in line)
        found.append('***' if inside else line)
        inside = inside and '-----END' not in line
    return found


def openssl(*arguments: str, given: bytes = b'') -> bytes:
    """Run openssl; returns its standard output.

    :raises ProgramFailed: it fails, or is not installed.
    """
    try:
        done = subprocess.run(
            ['openssl', *arguments], input=given, capture_output=True, timeout=60, check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProgramFailed(f'openssl: {error}') from error
    if done.returncode:
        raise ProgramFailed(f'openssl {arguments[0]}: {done.stderr.decode().strip()}')
    return done.stdout
