"""Principals: on whose behalf a call is made. A principal is never an argument of a tool."""

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
