"""The long run: ``python -m tests.api.fuzz --requests 20000``."""

import argparse
import logging
import pathlib
import random
import sys
import tempfile
import time
import warnings

import magnum.native_threads  # noqa: F401 - before any other import

with warnings.catch_warnings():
    # WebOb imports the module cgi, which warns; the fault is not ours.
    warnings.simplefilter('ignore', DeprecationWarning)
    from tests.api.fuzz.runs import Found, Run

_REPORT_INTERVAL = 30.0  # seconds


def main() -> int:
    """Fuzz, and tell what was found."""
    parser = argparse.ArgumentParser(description='Send requests made of the OpenAPI document.')
    parser.add_argument('--requests', type=int, default=20000)
    parser.add_argument('--seed', type=int, default=random.randrange(2**32))
    arguments = parser.parse_args()
    # What the service logs of refused requests is no matter here.
    logging.disable(logging.CRITICAL)
    warnings.simplefilter('ignore')
    print(f'seed {arguments.seed}', flush=True)
    with tempfile.TemporaryDirectory() as directory:
        run = Run(pathlib.Path(directory), arguments.seed)
        try:
            found = run.send(arguments.requests, _Progress())
        finally:
            run.close()
    return _tell(found)


class _Progress:
    """A line now and then, and each fault when it is found."""

    def __init__(self) -> None:
        self._next = 0.0
        self._told = 0

    def __call__(self, found: Found) -> None:
        for fault in list(found.faults.values())[self._told :]:
            self._told += 1
            print(f'\nfault {self._told}: {fault}\n', flush=True)
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _REPORT_INTERVAL
            print(f'{found.requests} requests, {len(found.faults)} faults', flush=True)


def _tell(found: Found) -> int:
    print(f'{found.requests} requests to {len(found.operations)} operations')
    print('by status:', ', '.join(f'{code} {n}' for code, n in sorted(found.statuses.items())))
    never = sorted(found.operations.keys() - found.succeeded)
    print('never successful:', ', '.join(never) or 'none')
    print(f'{len(found.faults)} faults')
    return 1 if found.faults else 0


sys.exit(main())
