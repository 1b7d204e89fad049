"""Measure this checkout beside the well-known implementation; see README.md."""

import argparse
import contextlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator

from tools.bench import contenders, load, processes, report, settings, suites
from tools.common import command
from tools.common.place import CHECKOUT

_COSTS_LIMIT = 300


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog='bench', description=__doc__)
    parser.add_argument(
        '--contenders', default='peer,peer23,floor,ours',
        help=f'some of {", ".join(contenders.ALL)}; the last one is compared with the others',
    )
    parser.add_argument(
        '--suites', default=','.join(suites.ALL),
        help='default: %(default)s; none of them for an empty value',
    )
    parser.add_argument('--repetitions', type=int, default=3)
    parser.add_argument('--seconds', type=int, default=4, help='of every run of GET requests')
    parser.add_argument('--posts', type=int, default=100, help='POSTs per run')
    parser.add_argument('--bays', type=int, default=50, help='bays created at once')
    parser.add_argument(
        '--latency', default='{}', type=json.loads, metavar='JSON',
        help='seconds that services of the fake cloud wait before an answer, {"identity": 0.05}',
    )
    parser.add_argument(
        '--costs', action=argparse.BooleanOptionalAction, default=True,
        help='list SQL statements and cloud calls of every route of ours, too',
    )
    parser.add_argument('--out', type=pathlib.Path, help='file for every single value, as JSON')
    return parser


@contextlib.contextmanager
def cloud(latency: dict[str, float]) -> Iterator[None]:
    """The fake cloud, while it is needed."""

    def is_told() -> bool:
        try:
            load.control('behaviour', {'latency': latency})
        except OSError:
            return False
        return True

    words = [
        sys.executable, '-m', 'tools.bench.cloud', '--port', str(settings.CLOUD_PORT),
        '--magnum', settings.OUR_URL,
    ]
    with processes.running(
        'cloud', words, {'PYTHONPATH': str(CHECKOUT)}, is_told, settings.CLOUD_PORT
    ):
        yield


def _costs() -> str:
    """The list; made in a process of its own, which is the service's."""
    done = subprocess.run(
        [sys.executable, '-m', 'tools.bench.costs'], cwd=CHECKOUT, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=_COSTS_LIMIT,
    )
    return done.stdout


def _run() -> int:
    """Run the suites and print the table."""
    arguments = _parser().parse_args()
    chosen = [contenders.ALL[name]() for name in arguments.contenders.split(',')]
    options = suites.Options(
        arguments.repetitions, arguments.seconds, arguments.posts, arguments.bays
    )
    recorder = suites.Recorder()
    load_before = os.getloadavg()[0]
    costs_of_routes = ''
    with cloud(arguments.latency):
        try:
            for name in filter(None, arguments.suites.split(',')):
                suites.ALL[name](chosen, options, recorder)
            if arguments.costs:
                costs_of_routes = _costs()
        except KeyboardInterrupt:
            print('interrupted: the table has what was measured so far')
    print()
    others = [one.name for one in chosen[:-1] if one.name != report.FLOOR]
    print(report.table(suites.medians(recorder.results), chosen[-1].name, others))
    print(f'\nmedians of {options.repetitions}; '
          f'load average {load_before:.1f} before, {os.getloadavg()[0]:.1f} after')
    if costs_of_routes:
        print(f'\n{costs_of_routes}')
    if arguments.out:
        arguments.out.write_text(json.dumps(recorder.results, indent=1))
    return 0


if __name__ == '__main__':
    sys.exit(command.run('bench', _run))
