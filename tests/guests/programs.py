"""Programs that scripts of nodes call, and where each comes from.

``packages.json`` has, by distribution, the package that each program was
found in by ``tools/guests``, in a minimal root in which the real scripts had
installed what they install.
"""

import functools
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Final

TABLE: Final = pathlib.Path(__file__).with_name('packages.json')

#: What no package of the guest has to have.
FROM_ELSEWHERE: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ('kubelet', 'kube-proxy', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler',
         'kubectl', 'flanneld'),
        'downloaded by 45-binaries.sh',
    ),
    'modprobe': 'kernels with modules bring it',
    'magnum-curl': 'a script of ours',
    'metadata.sh': 'a script of ours',
}

_WORDS_OF_BASH: Final = frozenset(re.findall(r'\w+', """
    if then elif else fi for in do done while until case esac function time coproc select local
    export set shift return exit echo printf read mapfile trap exec eval source test cd umask
    command declare unset break continue wait true false type let readonly kill jobs
"""))
_HEREDOC: Final = re.compile(r"<<-?'?(\w+)'?[^\n]*\n.*?^\s*\1$", re.DOTALL | re.MULTILINE)
_SCRIPT: Final = re.compile(r"<<'SCRIPT'\n(.*?)\nSCRIPT$", re.DOTALL | re.MULTILINE)
_WORD: Final = re.compile(r'[a-z][a-z0-9_.-]*')
#: Marks what stands in "$(...)".
_INNER: Final = '<inner>'
#: Words after which another command begins, however it is run.
_BEFORE_A_COMMAND: Final = frozenset(
    ('if', 'then', 'elif', 'else', 'do', 'while', 'until', '!', 'exec', '{', '('))


def called(script: str) -> set[str]:
    """Programs that a script calls by their names.

    A rough reading, which knows the words of bash and of the script's own
    functions, no paths, and what follows ``need_command``, ``wait_until`` and
    ``command -v``.
    """
    inner = set().union(*(called(text) for text in _SCRIPT.findall(script)))
    text = _HEREDOC.sub('', script).replace('\\\n', ' ')
    text = re.sub(r'^\s*#.*$', '', text, flags=re.MULTILINE)
    functions = set(re.findall(r'^(\w+)\(\)', text, re.MULTILINE))
    found = set(re.findall(r'command -v "?([a-z][\w.-]*)', text))
    found |= set(re.findall(r'^\s*need_command ([a-z][\w.-]*)', text, re.MULTILINE))
    found |= set(re.findall(r'wait_until \d+ ([a-z][\w.-]*)', text))
    # What stands in quotes is data, and so are arithmetic and lists.
    text = re.sub(r'-c "[^"]*"', '-c', text)
    text = re.sub(r"'[^']*'", "''", text)
    text = re.sub(r'"(?:[^"$\n]|\$(?!\())*"', '""', text)
    text = re.sub(r'"?[$<]\(', f'\n{_INNER} ', text)
    text = re.sub(r'\(\(.*?\)\)|\[\[.*?\]\]', '[', text)
    text = re.sub(r'^\s*\w+\+?=\([^)]*\)', '', text, flags=re.MULTILINE)
    for command in re.split(r'[\n;|&]+|\bthen\b|\bdo\b|\belse\b', text):
        words = command.split()
        while words and (words[0] in _BEFORE_A_COMMAND or re.match(r'\w+=', words[0])):
            words.pop(0)
        # A pattern of "case".
        while words and words[0].endswith(')'):
            words.pop(0)
        if words and words[0] == _INNER:
            words = [word.rstrip(')"') for word in words[1:]]
        while words and re.match(r'\w+=', words[0]):
            words.pop(0)
        if words and _WORD.fullmatch(words[0]):
            found.add(words[0])
    return (found - functions - _WORDS_OF_BASH) | inner


def functions_of(script: str) -> set[str]:
    """Names of the functions that a script defines."""
    return set(re.findall(r'^(\w+)\(\)', script, re.MULTILINE))


def called_by(scripts: Mapping[str, str]) -> set[str]:
    """Programs that scripts call which source each other.

    :param scripts: texts by path.
    """
    functions = set().union(*map(functions_of, scripts.values()))
    found: set[str] = set().union(*map(called, scripts.values()))
    # Workers have the function that calls it, and do not call that.
    if not any(path.endswith('/50-etcd.sh') for path in scripts):
        found.discard('etcdctl')
    return found - functions - FROM_ELSEWHERE.keys()


def scripts_of(files: Mapping[str, str]) -> dict[str, str]:
    """Of what a node's user data writes, the shell scripts."""
    return {
        path: text for path, text in files.items()
        if path.startswith('/opt/magnum/') and (path.endswith('.sh') or text.startswith('#!'))
    }


@functools.cache
def packages() -> Mapping[str, Mapping[str, str]]:
    """The recorded table: package by program, by distribution."""
    found: Mapping[str, Mapping[str, str]] = json.loads(TABLE.read_text())
    return found
