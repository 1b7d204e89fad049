"""Names of bays: rules, and generated names."""

import random
import re
from typing import Final

#: What a bay may be called; its stack and its nodes are named after it.
BAY_NAME: Final = re.compile(r'[a-zA-Z][a-zA-Z0-9_.-]*')
BAY_NAME_LENGTH: Final = 242

_GREEK: Final = (
    'alpha', 'beta', 'gamma', 'delta', 'epsilon', 'zeta', 'eta', 'theta', 'iota', 'kappa',
    'lambda', 'mu', 'nu', 'xi', 'omicron', 'pi', 'rho', 'sigma', 'tau', 'upsilon', 'phi', 'chi',
    'psi', 'omega',
)


def generate(suffix: str) -> str:
    """``<Greek letter>-<1..24>-<suffix>``; not unique, and needs not be."""
    letter = random.choice(_GREEK)  # noqa: S311 - a name, no secret
    number = random.randint(1, len(_GREEK))  # noqa: S311
    return f'{letter}-{number}-{suffix}'
