"""Further options of Kubernetes' programs, which labels hold as command lines.

A node splits a setting at its blanks and does nothing else with it, so every
character but these arrives as it is.
"""

import shlex
from typing import Final

from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused

LABELS: Final = (
    'kubeapi_options',
    'kubecontroller_options',
    'kubelet_options',
    'kubeproxy_options',
    'kubescheduler_options',
)


def words(text: str) -> str:
    """The words of a command line, without quotes, with a blank between them.

    :raises ValueError: a quote is not closed, or a word holds a blank.
    """
    found = shlex.split(text)
    if any(not word or ' ' in word for word in found):
        raise ValueError('A word holds a blank or nothing.')
    return ' '.join(found)


def well_formed(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that every command line can be parsed."""
    for label in LABELS:
        try:
            words(plan.labels.get(label, ''))
        except ValueError as error:
            raise PlanRefused(
                f'labels/{label}', f'This is no list of options as on a command line: {error}'
            ) from None
