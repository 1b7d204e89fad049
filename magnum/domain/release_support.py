"""The condition of a bay that says how long its release of the COE is supported."""

import datetime
from typing import Final

from magnum.domain.node_health import Condition
from magnum.domain.reports import FALSE, TRUE

#: The condition's name.
RELEASE_SUPPORTED: Final = 'ReleaseSupported'

SUPPORTED: Final = 'Supported'
ENDS_SOON: Final = 'SupportEndsSoon'
ENDED: Final = 'SupportEnded'


def condition(release: str, end: datetime.date, today: datetime.date, notice: int) -> Condition:
    """Whether a release is supported.

    Its words change as rarely as the reason does, so that they can be compared.

    :param end: the last day of the support by the COE's own project.
    :param notice: days before the end from which on the bay should be upgraded.
    """
    if today > end:
        return Condition(
            FALSE, ENDED, f'Support of {release} ended on {end}: upgrade to a later release'
        )
    if today + datetime.timedelta(days=notice) > end:
        return Condition(
            TRUE, ENDS_SOON, f'Support of {release} ends on {end}: upgrade to a later release'
        )
    return Condition(TRUE, SUPPORTED, f'{release} is supported until {end}')
