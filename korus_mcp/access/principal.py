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


LOCAL = Principal(tenant="local", subject="local")
"""The one operator of a server on stdio or on loopback."""
_host: ContextVar[str] = ContextVar("host", default="")


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
