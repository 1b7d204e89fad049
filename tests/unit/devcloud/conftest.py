from tests.unit.certificates.conftest import (  # noqa: F401
    bay,
    conf,
    service,
    session,
    session_maker,
)
