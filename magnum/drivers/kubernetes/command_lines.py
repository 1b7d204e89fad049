"""Further options of Kubernetes' programs, which labels hold as command lines.

A node splits a setting at its blanks and does nothing else with it, so every
character but these arrives as it is.
"""

import shlex
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from magnum.drivers.contract import BayPlan, Capabilities, PlanRefused
from magnum.drivers.kubernetes import downloads

LABELS: Final = (
    'kubeapi_options',
    'kubecontroller_options',
    'kubelet_options',
    'kubeproxy_options',
    'kubescheduler_options',
)

#: Options that programs do not have any more, each with the line of releases that dropped it.
#: A program that does not know an option ends at once.
DROPPED: Final[Mapping[str, Mapping[str, str]]] = {
    'kubeapi_options': {'cloud-config': 'v1.33', 'cloud-provider': 'v1.33'},
    'kubelet_options': {'cloud-config': 'v1.34', 'pod-infra-container-image': 'v1.35'},
}


def words(text: str) -> str:
    """The words of a command line, without quotes, with a blank between them.

    :raises ValueError: a quote is not closed, or a word holds a blank.
    """
    found = shlex.split(text)
    if any(not word or ' ' in word for word in found):
        raise ValueError('A word holds a blank or nothing.')
    return ' '.join(found)


def options(text: str) -> list[str]:
    """Names of the options of a command line, as programs read them."""
    return [
        word.lstrip('-').replace('_', '-').partition('=')[0] for word in words(text).split()
    ]


def values(text: str, names: Collection[str]) -> Iterator[str]:
    """What options of these names are given, in their words or in the next ones."""
    is_next = False
    for word in words(text).split():
        name, sign, value = word.lstrip('-').partition('=')
        if is_next:
            yield word
            is_next = False
        elif word.startswith('-') and name.replace('_', '-') in names:
            is_next = not sign
            if sign:
                yield value


def well_formed(plan: BayPlan, _capabilities: Capabilities) -> None:
    """Check that every command line can be parsed."""
    for label in LABELS:
        try:
            words(plan.labels.get(label, ''))
        except ValueError as error:
            raise PlanRefused(
                f'labels/{label}', f'This is no list of options as on a command line: {error}'
            ) from None


def known(plan: BayPlan, capabilities: Capabilities) -> None:
    """Check that the release has not dropped an option."""
    release = plan.labels['kube_tag']
    for label in LABELS:
        dropped = capabilities.catalogue.dropped_options.get(label, {})
        for option in options(plan.labels.get(label, '')):
            if option in dropped and downloads.minor(release) >= downloads.minor(dropped[option]):
                raise PlanRefused(
                    f'labels/{label}',
                    f'--{option} is no option of {release}: {dropped[option]} dropped it.',
                )
