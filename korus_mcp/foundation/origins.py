"""Comparing addresses: their canonical origin, and whether a host is this machine."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

MOST_PORT: Final = 65_535
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", re.ASCII)


def is_loopback(host: str) -> bool:
    """Whether a host name or IP address (without port) always means this machine."""
    # "localhost." is the same name as "localhost".
    bare = host.strip("[]").lower().removesuffix(".")
    if bare == "localhost":
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False


def is_unread_on_the_way(scheme: str, host: str) -> bool:
    """Whether nobody between can read what is sent there: by https, or to this machine."""
    return scheme == "https" or (scheme == "http" and is_loopback(host))


def canonical_origin(url: str) -> str:
    """Scheme, host and port of an address in canonical form, so that equal origins are equal texts.

    That is lower case, without a final dot and without the default port: however an address is
    written, it means the same account.

    Raises:
        ValueError: it is no http or https address with a host of ASCII characters.
    """
    parts = urlsplit(url)
    scheme, port = parts.scheme.lower(), parts.port
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("not an http address")
    host = _canonical_host(parts.hostname or "")
    shown = "" if port is None or port == _DEFAULT_PORTS[scheme] else f":{port}"
    return f"{scheme}://{host}{shown}"


def _canonical_host(host: str) -> str:
    if ":" in host:
        return f"[{ipaddress.IPv6Address(host)}]"
    name = host.lower().removesuffix(".")
    if not _NAME.fullmatch(name):
        raise ValueError("not a host name")
    return name


def is_port(port: str | None) -> bool:
    """Whether a text of digits is a valid port; None or "" means the default port."""
    return 0 < int(port or 1) <= MOST_PORT
