"""A real OpenStack control plane on one machine, for developing Magnum.

Every module except :mod:`seed`, :mod:`queues` and :mod:`checks` (which run
in the cloud's own virtual environment) needs nothing but the standard
library, so that any tool can import :mod:`tools.devcloud.settings`.
"""
