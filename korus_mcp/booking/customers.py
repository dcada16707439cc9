"""Who places an order, where a part of it, or all, is still to be named.

A person can be shown what is bought before they say who they are: then they are asked once, for
their yes and for this.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Final, TypeAlias

from korus_mcp.api import CustomerInput
from korus_mcp.api.booking import Title
from korus_mcp.foundation.refusals import FieldProblem, Refusal, invalid
from korus_mcp.foundation.text import inert_line
from korus_mcp.journal.records import Installation

NEEDED: Final = {
    "firstname": ("Given name", "Ada"),
    "lastname": ("Family name", "Lovelace"),
    "email": ("E-mail", "ada@example.org"),
}
"""The fields without which nothing is ordered -> what a form calls them, and an example."""


@dataclass(frozen=True, repr=False)
class PartOfCustomer:
    """What is known so far of who places an order; at least one needed field is None."""

    firstname: str | None = None
    lastname: str | None = None
    email: str | None = None
    phone: str | None = None
    country: str | None = None
    language: str | None = None
    title: Title | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are needed to order and not named."""
        return tuple(name for name in NEEDED if getattr(self, name) is None)


Customer: TypeAlias = CustomerInput | PartOfCustomer


def missing_of(customer: Customer) -> tuple[str, ...]:
    """The fields that are needed to order and not named; none of a whole customer."""
    return customer.missing if isinstance(customer, PartOfCustomer) else ()


def named_in(customer: Customer) -> Mapping[str, str]:
    """Field -> what is said in it, for the fields in which something is said."""
    said = {field.name: getattr(customer, field.name) for field in fields(customer)}
    return {name: str(value) for name, value in said.items() if value}


def buyer_of(installation: Installation, email: str) -> str:
    """What the journal keeps of a buyer's address: a keyed digest, which is the same however the
    address is written, and of which nobody reads it.
    """
    plain = unicodedata.normalize("NFC", email.strip().lower())
    return installation.digest(f"buyer {plain}")


def described(customer: Customer) -> str:
    """All that is known of a customer, on one line, for a person who agrees: every field that is
    sent, since nobody can agree to what they did not see.
    """
    name = " ".join(part for part in (customer.firstname, customer.lastname) if part)
    title = f"title {customer.title}" if customer.title else None
    language = f"language {customer.language}" if customer.language else None
    facts = (name, customer.email, customer.phone, customer.country, title, language)
    return ", ".join(inert_line(fact) for fact in facts if fact)


def incomplete(missing: Iterable[str]) -> Refusal:
    """The refusal of an order without these fields."""
    return invalid(*(FieldProblem(f"customer.{n}", "required", NEEDED[n][1]) for n in missing))
