"""A stand-in for curl in scripts of nodes: what it is asked for is noted, and given from a file."""

import pathlib

#: ``$previous`` is the address at the end, ``$output`` the file that is wanted.
_READ = r"""#!/bin/bash
echo "$@" >>@root/calls
for word; do
    [ "$previous" = --output ] && output=$word
    previous=$word
done
"""


def from_web(folder: pathlib.Path) -> str:
    """The answer of a web server with the files of a folder."""
    return f'cp "{folder}/${{previous##*/}}" "$output" || exit 22\n'


def stand_in(root: pathlib.Path, answer: str) -> str:
    """The program.

    :param root: has what it was asked for in ``calls``; ``@root`` in the answer.
    :param answer: commands that give what is asked for.
    """
    return (_READ + answer).replace('@root', str(root))
