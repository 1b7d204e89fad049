# roles: master worker
"""HTTP as a node speaks it: by the bay's proxies, and trusting the cloud's own authority."""

from __future__ import annotations

import ipaddress
import pathlib
import ssl
import urllib.parse
import urllib.request
from collections.abc import Mapping


def opener(
    settings: Mapping[str, str], authority: pathlib.Path, url: str
) -> urllib.request.OpenerDirector:
    """What opens URLs of a service.

    :param authority: file of the cloud's own authorities, which may be empty.
    """
    made = urllib.request.OpenerDirector()
    # No handler of redirects: tokens, signatures and secrets go to the service only.
    for handler in (
        urllib.request.ProxyHandler(_proxies(settings, url)),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=_context(settings, authority)),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        made.add_handler(handler)
    return made


def _context(settings: Mapping[str, str], authority: pathlib.Path) -> ssl.SSLContext:
    """As magnum-curl: the system's authorities and the cloud's own."""
    context = ssl.create_default_context()
    # curl does not ask of authorities what Python does from 3.13 on.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if authority.exists() and authority.stat().st_size:
        context.load_verify_locations(cafile=str(authority))
    if settings.get('MAGNUM_VERIFY_CA') == 'false':
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _proxies(settings: Mapping[str, str], url: str) -> dict[str, str]:
    """The bay's proxies, unless the service is among their exceptions."""
    host = urllib.parse.urlsplit(url).hostname or ''
    exceptions = settings.get('MAGNUM_NO_PROXY', '').replace(',', ' ').split()
    if any(_is_excepted(host, exception) for exception in exceptions):
        return {}
    named = {
        scheme: settings.get(f'MAGNUM_{scheme.upper()}_PROXY', '') for scheme in ('http', 'https')
    }
    return {scheme: proxy for scheme, proxy in named.items() if proxy}


def _is_excepted(host: str, exception: str) -> bool:
    """Whether an exception names a host, its domain or its network."""
    if exception == '*':
        return True
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(exception, strict=False)
    except ValueError:
        pass
    domain = exception.lstrip('.').lower()
    return host.lower() == domain or host.lower().endswith('.' + domain)
