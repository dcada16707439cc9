"""Principals: on whose behalf a call is made. A principal is never an argument of a tool."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """A caller within a tenant. Every reservation and order belongs to one."""

    tenant: str
    subject: str

    @property
    def key(self) -> str:
        """Tenant and subject as one text: the `owner` in the journal."""
        return f"{self.tenant}/{self.subject}"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whoever signed in for a call, and what their token allows.

    `client` is the program they use, by the name it has at the provider. It tells nobody apart:
    it changes with each registration, and behind some gateways it is the same for everybody.
    """

    principal: Principal
    scopes: frozenset[str]
    issuer: str
    subject: str
    client: str
    expires_at: int


LOCAL = Principal(tenant="local", subject="local")
"""The one operator of a server on stdio or on loopback."""
_host: ContextVar[str] = ContextVar("host", default="")
_caller: ContextVar[Caller | None] = ContextVar("caller", default=None)


def person_of(issuer: str, tenant: str, subject: str) -> Principal:
    """The person with this subject at an issuer, in a tenant of it ("" where it has none).

    Digests, since an issuer's texts may hold anything: a slash, or the person's own address, which
    a journal must not. Were they computed in another way, nobody would find their orders any more.
    """
    return Principal(
        tenant=f"t-{_digest(issuer, tenant)}", subject=f"u-{_digest(issuer, tenant, subject)}"
    )


def _digest(*parts: str) -> str:
    import hashlib  # neither is needed to start
    import json

    # As JSON: two lists of parts never make the same text.
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


@contextmanager
def signed_in_as(caller: Caller) -> Iterator[None]:
    """What runs in the block, and the tasks it starts, is on behalf of this caller."""
    before = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(before)


def signed_in() -> Caller | None:
    """Whoever signed in for the present call."""
    return _caller.get()


@contextmanager
def called_by(host: str) -> Iterator[None]:
    """What runs in the block is on behalf of the host with this name, which it gives itself."""
    before = _host.set(host)
    try:
        yield
    finally:
        _host.reset(before)


def this_host() -> Principal:
    """The host whose call is being answered: what it says of itself, so no more than a way to keep
    those apart that mean well.
    """
    import hashlib  # not needed to start

    # A digest, since a host may give itself a name of any length and letters.
    name = hashlib.sha256(_host.get().encode(errors="surrogatepass")).hexdigest()[:16]
    return Principal(tenant="local", subject=f"host-{name}")
