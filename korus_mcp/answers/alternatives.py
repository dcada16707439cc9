"""Alternatives as answers show them: what was checked live and can be booked instead."""

from typing import Annotated, Final, TypeAlias

from pydantic import WithJsonSchema

from korus_mcp.answers.views import Part, day_text, moment
from korus_mcp.app import App
from korus_mcp.foundation.refusals import Proposal
from korus_mcp.proposals.alternatives import Alternative, Proposals

_PROPOSE: Final = "Propose the alternatives, checked just now, to the person."
_NOTHING_NEAR: Final = (
    "No other session, zone or day near it was found bookable: ask for other days or fewer."
)


class AlternativeView(Part):
    """An offer that can be booked instead."""

    offer_id: str
    product: str
    date: str | None = None
    session_id: str | None = None
    session_ids: list[str] = []
    starts_at: str | None = None
    price: str
    left: int | None = None

    @classmethod
    def of(cls, alternative: Alternative) -> "AlternativeView":
        """The alternative as shown; `session_ids` where several tickets need one each."""
        ids = [session.id for session in alternative.sessions]
        return cls(
            offer_id=str(alternative.offer),
            product=alternative.product,
            date=day_text(alternative.day),
            # As reserve takes it: most offers need one session, and then one name says it.
            session_id=ids[0] if len(ids) == 1 else None,
            session_ids=ids if len(ids) > 1 else [],
            starts_at=moment(alternative.starts_at) if alternative.starts_at else None,
            price=str(alternative.price),
            left=alternative.left,
        )

    def text(self) -> str:
        """One line of text."""
        left = None if self.left is None else f"{self.left} left"
        facts = ", ".join(f for f in (self.starts_at or self.date, self.price, left) if f)
        ids = ", ".join(self.session_ids) or self.session_id
        session = f"; session_id {ids}" if ids else ""
        return f"  instead: {self.product} ({facts}); offer_id {self.offer_id}{session}"


AlternativesInShort: TypeAlias = Annotated[
    list[AlternativeView], WithJsonSchema({"type": "array", "items": {"type": "object"}})
]
"""Their keys explain themselves: a schema is paid for in tokens."""


def shown(services: App, proposals: Proposals) -> list[AlternativeView]:
    """The alternatives as shown, their prices remembered like all that are."""
    # What a person has seen counts: a price that moves until they reserve is told.
    for each in proposals.alternatives:
        services.prices.show(services.principal.key, each.offer, each.price)
    return [AlternativeView.of(each) for each in proposals.alternatives]


def next_step(proposals: Proposals, otherwise: str) -> str:
    """What to do with them; `otherwise` where nobody knows whether there are any."""
    if proposals.alternatives:
        return _PROPOSE
    return _NOTHING_NEAR if proposals.is_none else otherwise


def proposal(view: AlternativeView) -> Proposal:
    """The alternative as a refusal names it: without a product's name."""
    return Proposal(
        offer_id=view.offer_id,
        session_id=view.session_id,
        session_ids=tuple(view.session_ids),
        starts_at=view.starts_at,
        # A moment says the day as well: a refusal is kept short.
        date=None if view.starts_at else view.date,
        price=view.price,
    )
