"""Addresses of databases, as people paste them: of libpq, of SQLAlchemy, of hosting services. What
is understood here the driver gets, the rest is refused before the server starts.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from korus_mcp.foundation.origins import MOST_PORT, is_port

FILE_SCHEME: Final = "sqlite:///"
CONNECT_SECONDS: Final = 5
"""How long connecting may take where the address does not say."""
MOST_CONNECT_SECONDS: Final = 30
"""The longest that an address may allow: a booking call waits for it."""
SYSTEM_ROOTS: Final = "system"
"""The value of `sslrootcert` for the certificate authorities of the machine."""


@dataclass(frozen=True, kw_only=True)
class ServerAddress:
    """The address of a database server, checked."""

    dsn: str = field(repr=False)
    """For the driver: without what it does not know, or knows by another name."""
    connect_seconds: int = CONNECT_SECONDS
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Start-up parameters that the address names."""
    trusts_system: bool = False
    """Whether the server's certificate is held against the authorities of the machine."""


def problem_of(text: str) -> str | None:
    """What is wrong with the address of a journal, None if nothing: in words that follow the name
    of its setting, and repeat no part of the address.
    """
    try:
        if is_file_address(text):
            _check_file(text.removeprefix(FILE_SCHEME))
        else:
            read_server_address(text)
    except ValueError as problem:
        return str(problem)
    return None


def is_file_address(text: str) -> bool:
    """Whether a text looks like the address of a SQLite file, right or wrong."""
    return text.startswith(FILE_SCHEME)


def _check_file(named: str) -> None:
    file = unquote(named)
    is_named = Path(file).name not in ("", "..")
    # With no name, or :memory:, SQLite would keep the journal only as long as the process runs.
    if any(c in named for c in "?#") or not is_named or ":memory:" in file or not _is_text(file):
        raise ValueError(
            "must name a file, like sqlite:////folder/journal.sqlite, and nothing behind it: "
            "a journal has to survive"
        )


def read_server_address(text: str) -> ServerAddress:
    """The address of a database server in a text.

    Raises:
        ValueError: Why it cannot be used, in words that follow the name of its setting. They repeat
            no part of the address, which may hold a password.
    """
    if _SCHEME.match(text) is None:
        raise ValueError(f"must begin {FILE_SCHEME}, postgresql:// or postgres://")
    shape = _ADDRESS.fullmatch(text)
    hosts = shape["hosts"].split(",") if shape is not None and shape["hosts"] else ()
    found = tuple(map(_HOST.fullmatch, hosts))
    if shape is None or not all(host and is_port(host["port"]) for host in found):
        raise ValueError(_FORM)
    if not _is_text(unquote(text)):
        raise ValueError("must hold no character that cannot be seen, also not percent-encoded")
    given = _parameters(shape["query"] or "")
    _check_hosts(given, shape["hosts"])
    for names, check in _CHECKS:
        for name in names & given.keys():
            check(name, given[name])
    return _address(shape, given)


def _address(shape: re.Match[str], given: Mapping[str, str]) -> ServerAddress:
    # `ssl` is what SQLAlchemy's users write for libpq's `sslmode`.
    passed = {"sslmode" if n == "ssl" else n: v for n, v in given.items() if n in _PASSED}
    number = max(_number(shape["hosts"]), _number(given.get("host", "")))
    # Of several servers the one that can be written: the others copy it.
    if number > 1:
        passed.setdefault("target_session_attrs", "read-write")
    trusts_system = passed.get("sslrootcert") == SYSTEM_ROOTS
    if trusts_system:
        del passed["sslrootcert"]
        if not passed.keys().isdisjoint(_FILES - {"passfile"}):
            raise ValueError("must have no file of a certificate beside sslrootcert=system")
        if passed.setdefault("sslmode", "verify-full") != "verify-full":
            raise ValueError("must have sslmode=verify-full beside sslrootcert=system")
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in passed.items())
    dsn = f"postgresql://{shape['user'] or ''}{shape['hosts'] or ''}/{shape['name']}"
    return ServerAddress(
        dsn=f"{dsn}?{query}" if query else dsn,
        connect_seconds=int(given.get("connect_timeout", CONNECT_SECONDS)),
        settings={name: given[name] for name in _STARTUP if name in given},
        trusts_system=trusts_system,
    )


def _parameters(query: str) -> Mapping[str, str]:
    # As libpq reads them: a plus is a plus, and of two values for one name nobody knows the meant.
    named = [each.partition("=") for each in query.split("&") if each]
    pairs = [(unquote(name), unquote(value)) for name, _, value in named]
    given = dict(pairs)
    if given.keys() - _KNOWN:
        raise ValueError(f"must have no parameters but {', '.join(sorted(_KNOWN))}")
    if len(given) < len(pairs) or {"ssl", "sslmode"} <= given.keys():
        raise ValueError("must give each parameter once")
    if not all(given.values()):
        raise ValueError("must give each parameter a value")
    return given


def _check_hosts(given: Mapping[str, str], hosts: str) -> None:
    if hosts and not given.keys().isdisjoint({"host", "port"}):
        raise ValueError("must name hosts and ports in one place, not behind the ? as well")
    # Drivers also take hosts and ports as parameters.
    ports = given.get("port", "").split(",")
    if not all(re.fullmatch("[0-9]{0,5}", p, re.ASCII) and is_port(p) for p in ports):
        raise ValueError(f"must have a port from 1 to {MOST_PORT}")
    if len(ports) not in (1, _number(given.get("host", ""))):
        raise ValueError("must have one port, or one for each host")


def _number(hosts: str) -> int:
    return hosts.count(",") + 1


def _one_of(*words: str, because: str = "") -> Callable[[str, str], None]:
    def check(name: str, value: str) -> None:
        if value not in words:
            raise ValueError(f"must have a {name} of {', '.join(sorted(words))}{because}")

    return check


def _names_file(name: str, value: str) -> None:
    if name == "sslrootcert" and value == SYSTEM_ROOTS:
        return
    try:
        # Of a pipe or a device nothing is read: that may wait for ever.
        if not Path(value).is_file():
            raise OSError
        with Path(value).open("rb"):
            return
    except (OSError, ValueError):
        raise ValueError(f"must name in {name} a file that can be read") from None


def _is_seconds(name: str, value: str) -> None:
    fits = re.fullmatch("[0-9]{1,3}", value, re.ASCII) and 0 < int(value) <= MOST_CONNECT_SECONDS
    if not fits:
        raise ValueError(f"must have a {name} of 1 to {MOST_CONNECT_SECONDS} seconds")


def _is_text(text: str) -> bool:
    """Whether a percent-decoded text is printable, and was valid UTF-8 (else it has U+FFFD)."""
    return text.isprintable() and "\ufffd" not in text


_FORM: Final = (
    "must have the form postgresql://user:password@host:port/name; in user and password, "
    "blanks and each of : / ? # [ ] @ and % are written as %20, %3A, %2F, %3F, %23, %5B, %5D, %40 "
    "and %25"
)
# SQLAlchemy's addresses name a driver behind the plus; ours is used whichever it is.
_SCHEME: Final = re.compile(r"postgres(ql)?(\+[a-z0-9]+)?://", re.ASCII)
_PART: Final = r"(?:[^\s:/?#\[\]@%]|%[0-9A-Fa-f]{2})"
_ADDRESS: Final = re.compile(
    rf"{_SCHEME.pattern}(?P<user>{_PART}+(:{_PART}*)?@)?(?P<hosts>[^\s/?#@%]*)"
    r"/(?P<name>[^\s/?#@:]+)(\?(?P<query>[^\s#]*))?",
    re.ASCII,
)
_HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?", re.ASCII)
_STARTUP: Final = ("application_name", "options")
_FILES: Final = frozenset({"passfile", "sslcert", "sslcrl", "sslkey", "sslrootcert"})
_TLS_VERSIONS: Final = ("TLSv1.2", "TLSv1.3")
_CHECKS: Final[Sequence[tuple[frozenset[str], Callable[[str, str], None]]]] = (
    (_FILES, _names_file),
    (
        frozenset({"ssl", "sslmode"}),
        _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    ),
    (
        frozenset({"channel_binding"}),
        _one_of(
            "disable",
            "prefer",
            because=": the driver has none; sslmode=verify-full makes sure of the server",
        ),
    ),
    (
        frozenset({"target_session_attrs"}),
        _one_of("any", "primary", "read-write", because=": a journal is written"),
    ),
    (frozenset({"connect_timeout"}), _is_seconds),
    (frozenset({"gssencmode"}), _one_of("disable", "prefer")),
    (frozenset({"sslnegotiation"}), _one_of("direct", "postgres")),
    (frozenset({"ssl_min_protocol_version", "ssl_max_protocol_version"}), _one_of(*_TLS_VERSIONS)),
    # What others have to say for a pooler holds here in any case: no statement is kept.
    (frozenset({"pgbouncer"}), _one_of("false", "true")),
    (frozenset({"statement_cache_size", "prepared_statement_cache_size"}), _one_of("0")),
)
_PASSED: Final = _FILES | {
    "host",
    "port",
    "ssl",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslmode",
    "sslnegotiation",
    "sslpassword",
    "target_session_attrs",
}
_KNOWN: Final = _PASSED.union(_STARTUP, *(names for names, _ in _CHECKS))
