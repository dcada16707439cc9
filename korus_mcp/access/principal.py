"""Principals: on whose behalf a call is made. Never an argument of a tool."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Principal:
    """A caller within a tenant. Everything that is owned is owned by one of these."""

    tenant: str
    subject: str

    @property
    def key(self) -> str:
        """One text for both, for keys of records."""
        return f"{self.tenant}/{self.subject}"


LOCAL = Principal(tenant="local", subject="local")
"""The one operator of a server on stdio or on loopback."""
