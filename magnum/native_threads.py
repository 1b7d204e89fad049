"""Decides that this process runs on native threads.

To be imported first by entry points (console scripts, the WSGI module), and
by them only: it is a decision for the whole process.
"""

import sys

from oslo_service import backend

# oslo libraries load eventlet wherever it is installed, and oslo.service
# still installs it. None here makes every such import a clean "not there".
sys.modules.setdefault('eventlet', None)  # type: ignore[arg-type]
# Loaded when something asks for it: an API process that only reads does not.
backend.register_backend_default_hook(lambda: backend.BackendType.THREADING)
