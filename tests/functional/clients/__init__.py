"""Released clients of Magnum, run as their users run them."""

import pytest

pytest.register_assert_rewrite(
    *(f'{__name__}.{module}' for module in (
        'bay_commands', 'baymodel_commands', 'certificates', 'cluster_commands',
        'project_commands', 'shell',
    ))
)
