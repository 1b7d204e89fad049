"""Generated names of bays."""

import re

from magnum.domain import names


def test_names() -> None:
    for _ in range(50):
        name = names.generate('bay')
        assert names.BAY_NAME.fullmatch(name)
        assert re.fullmatch(r'[a-z]{2,7}-([1-9]|1[0-9]|2[0-4])-bay', name)
