"""Checks of raw HTTP requests, before the application sees them."""

import re
import uuid
from typing import Any, Final

from oslo_log import log as logging
from waitress.parser import HTTPRequestParser, ParsingError, TransferEncodingNotImplemented
from waitress.task import ErrorTask

from magnum.api import errors
from magnum.api.errors import bodies

LOG = logging.getLogger(__name__)

_HOST: Final = b'host'
_LENGTH: Final = b'content-length'
_ENCODING: Final = b'transfer-encoding'
#: Headers that say where a request ends and whom it is for.
_FRAMING: Final = re.compile(rb'^(host|content-length|transfer-encoding)[ \t]*:', re.I | re.M)
#: The only transfer coding there is here, once, on one line.
_CHUNKED: Final = re.compile(
    rb'^transfer-encoding[ \t]*:[ \t]*chunked[ \t]*\r\n(?![ \t])', re.I | re.M
)
_KINDS: Final = {
    400: errors.requests.BAD_REQUEST,
    413: errors.requests.TOO_LARGE,
    431: errors.requests.HEADERS_TOO_LARGE,
    500: errors.service.INTERNAL,
}


class RequestParser(HTTPRequestParser):
    """Refuses requests that a proxy before this server may have read in another way."""

    def received(self, data: bytes) -> int:
        """Read on; how many bytes were taken."""
        consumed: int = super().received(data)
        if self.completed:
            # Else the channel tells the client to go on, and takes what comes
            # next for more of this request.
            self.expect_continue = False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Read the first line and the headers.

        :raises ParsingError: a 400.
        """
        try:
            super().parse_header(header_plus)
        except TransferEncodingNotImplemented as error:
            raise ParsingError(str(error)) from None
        except ValueError:
            raise ParsingError('The URL or a header is malformed.') from None
        framing = [name.lower() for name in _FRAMING.findall(header_plus)]
        if _ENCODING in framing and (_LENGTH in framing or self.version != '1.1'):
            raise ParsingError('Transfer-Encoding with Content-Length, or before HTTP/1.1.')
        if _ENCODING in framing and not _CHUNKED.search(header_plus):
            raise ParsingError('Transfer-Encoding is not "chunked".')
        if len(framing) != len(set(framing)):
            raise ParsingError('Host, Content-Length or Transfer-Encoding is given twice.')
        if self.version == '1.1' and _HOST not in framing:
            raise ParsingError('HTTP/1.1 without Host.')


class RefusalTask(ErrorTask):
    """Answers what was refused here in the common shape of errors."""

    def execute(self) -> None:
        """Answer, and leave the closing to the client for a while."""
        refused: Any = self.request.error
        kind = _KINDS.get(refused.code, errors.requests.BAD_REQUEST)
        request_id = f'req-{uuid.uuid4()}'
        is_fault = kind is errors.service.INTERNAL
        detail = errors.service.INTERNAL_DETAIL if is_fault else str(refused.body)
        LOG.info('%s: %s: %s %s', request_id, self.channel.addr[0], kind.status, kind.code)
        body = bodies.of(errors.APIError(kind, detail), request_id, for_old_clients=False)
        self.status = f'{kind.status} {refused.reason}'
        self.response_headers += [
            ('Content-Type', 'application/json'), ('X-Openstack-Request-Id', request_id),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)
        self.channel.refuse_more()
        self.close_on_finish = False
