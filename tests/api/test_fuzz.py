"""A short run of what ``tools/fuzz`` does at length."""

import pathlib
import warnings

import pytest

# Hundreds of requests.
pytestmark = pytest.mark.slow

with warnings.catch_warnings():
    # What the fuzzer is made of warns of itself.
    warnings.simplefilter('ignore')
    from tests.api.fuzz.runs import Run

_REQUESTS = 300


@pytest.mark.filterwarnings('ignore')
def test_no_answer_breaks_the_document(tmp_path: pathlib.Path) -> None:
    run = Run(tmp_path, seed=1)
    try:
        found = run.send(_REQUESTS)
    finally:
        run.close()
    assert not found.faults, '\n\n'.join(found.faults.values())
    assert found.requests >= _REQUESTS * 0.9
    # It comes further than to the first check.
    assert len(found.succeeded) > len(found.operations) / 4
