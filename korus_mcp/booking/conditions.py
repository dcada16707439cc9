"""What issuers attach to holds, beside lines and total: a person must know it before they agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from korus_mcp.booking.hold import Hold
from korus_mcp.booking.ports import Catalog
from korus_mcp.foundation.handles import Handle


@dataclass(frozen=True)
class Conditions:
    """Terms and limits of what is held, as far as the catalog knows them.

    `terms`: product base -> its terms of sale, "" where it has none. `most`: product base -> how
    many of it one order may hold. `names_holders`: the issuer of one may ask who uses each ticket.
    `ages`: product base -> what its issuer says of ages, in its own sentences.
    """

    terms: Mapping[Handle, str] = field(default_factory=dict)
    most: Mapping[Handle, int] = field(default_factory=dict)
    ages: Mapping[Handle, tuple[str, ...]] = field(default_factory=dict)
    names_holders: bool = False


NO_CONDITIONS: Final = Conditions()


@dataclass(frozen=True, kw_only=True)
class Attached:
    """What a purchase brings with it, beside its terms: facts only, whoever tells them has words.

    It makes so many `orders` of so many `units` with `tickets` in all; `most` are the limits of its
    issuers for one order; `names_holders`: one of them may ask who uses each ticket; `ages` is what
    they say of ages, in their own sentences.
    """

    orders: int
    units: int
    tickets: int
    most: tuple[int, ...] = ()
    names_holders: bool = False
    ages: tuple[str, ...] = ()

    @classmethod
    def of(cls, holds: Sequence[Hold], conditions: Conditions) -> Self:
        """What an order of these holds brings with it."""
        said = (each for base in sorted(conditions.ages, key=str) for each in conditions.ages[base])
        return cls(
            orders=len(holds),
            units=sum(hold.quantity for hold in holds),
            tickets=sum(hold.tickets for hold in holds),
            most=tuple(sorted(set(conditions.most.values()))),
            names_holders=conditions.names_holders,
            ages=tuple(dict.fromkeys(said)),
        )


async def conditions_of(holds: Sequence[Hold], catalog: Catalog, language: str) -> Conditions:
    """The conditions of these holds."""
    products = {
        (hold.catalog_id, line.product_id): None
        for hold in holds
        for line in hold.lines
        if hold.catalog_id is not None and line.product_id is not None
    }
    terms: dict[Handle, str] = {}
    most: dict[Handle, int] = {}
    ages: dict[Handle, tuple[str, ...]] = {}
    names_holders = False
    for where in products:
        found = await catalog.terms_of_sale(*where, language)
        limits = await catalog.limits_of_sale(*where, language)
        if found is None or limits is None:
            continue
        (base, text), (limit, asks_names) = found, limits
        terms[base] = text
        ages[base] = await catalog.age_limits(*where, language)
        most |= {base: limit} if limit is not None else {}
        names_holders |= asks_names
    return Conditions(terms, most, ages, names_holders)
