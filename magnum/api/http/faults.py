"""Answers to unexpected exceptions."""

from typing import Final

from oslo_db import exception as db_exc
from oslo_log import log as logging

from magnum.api import errors
from magnum.certificates.errors import SealingError
from magnum.db.away import UNAVAILABLE
from magnum.db.commits import OutcomeUnknown
from magnum.domain.plain_text import first_line

LOG = logging.getLogger(__name__)

_RETRY_AFTER: Final = '5'   # seconds


def told(error: Exception, what: str) -> errors.APIError:
    """The answer to an error; the log has the rest.

    :param what: a sentence for the log: what met the error.
    """
    if isinstance(error, UNAVAILABLE):
        LOG.error('%s The database does not answer: %s', what, first_line(error))
        return errors.APIError(
            errors.service.DATABASE_UNAVAILABLE, 'The database does not answer. Try again later.',
            headers={'Retry-After': _RETRY_AFTER},
        )
    if isinstance(error, db_exc.DBDeadlock):
        # Nothing was committed: the same request may do it.
        LOG.warning('%s It met a deadlock: %s', what, first_line(error))
        return errors.APIError(
            errors.service.DATABASE_UNAVAILABLE, 'The database is busy. Try again.',
            headers={'Retry-After': _RETRY_AFTER},
        )
    if isinstance(error, SealingError):
        LOG.error('%s A secret cannot be opened: %s', what, error)
        return errors.APIError(errors.service.SEAL_BROKEN, str(error))
    if isinstance(error, OutcomeUnknown):
        LOG.error('%s It is not known what became of a change: %s', what, error)
        return errors.APIError(
            errors.service.OUTCOME_UNKNOWN,
            'The database does not say whether the change was made. Look before you repeat it.',
        )
    LOG.error('%s', what, exc_info=error)
    return errors.APIError(errors.service.INTERNAL, errors.service.INTERNAL_DETAIL)
