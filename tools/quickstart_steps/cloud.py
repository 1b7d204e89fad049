"""The development cloud: started if it is not, stopped if that was our doing."""

import subprocess
import sys

from tools.devcloud import services
from tools.quickstart_steps import layout
from tools.quickstart_steps.progress import clean_environment, run_through


def up() -> None:
    """Bring the cloud and the environments of Magnum's clients up."""
    if not services.running():
        layout.CLOUD_IS_OURS.touch()
    _devcloud('up')
    _devcloud('clients', *layout.CLIENT_NAMES)


def status() -> bool:
    """Print what of the cloud runs; return whether all does."""
    command = [sys.executable, str(layout.DEVCLOUD), 'status']
    return not subprocess.run(command, env=clean_environment()).returncode


def is_ours() -> bool:
    """Whether it is for us to stop it."""
    return layout.CLOUD_IS_OURS.exists()


def down() -> bool:
    """Stop the cloud; False for one that others started and may need."""
    if not is_ours():
        return False
    _devcloud('down')
    layout.CLOUD_IS_OURS.unlink()
    return True


def remove() -> bool:
    """Remove a cloud that does not run; False for one that does."""
    if services.running():
        return False
    _devcloud('reset', '--all')
    return True


def _devcloud(*arguments: str) -> None:
    run_through(sys.executable, layout.DEVCLOUD, *arguments)
