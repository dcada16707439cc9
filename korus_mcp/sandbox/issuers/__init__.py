"""The five invented issuers of the sandbox, one module each."""

from datetime import date
from functools import lru_cache

from korus_mcp.sandbox.issuers import hall, museum, park, ski, stadium
from korus_mcp.sandbox.model import Issuer


@lru_cache(maxsize=8)
def issuers_of(origin: date) -> tuple[Issuer, ...]:
    """All issuers of a sandbox whose first day is `origin`."""
    return (park.issuer(), stadium.issuer(origin), hall.issuer(), museum.issuer(), ski.issuer())
