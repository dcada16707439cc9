"""Alternatives as answers show them: what was checked live and can be booked instead."""

from typing import Annotated, Final, TypeAlias

from korus_mcp.answers.views import IN_SHORT, Moment, Part, day_text
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
    starts_at: Moment = None
    price: str
    left: int | None = None

    @classmethod
    def of(cls, alternative: Alternative) -> "AlternativeView":
        """The alternative as shown; `session_ids` where several tickets need one each."""
        ids = [session.id for session in alternative.sessions]
        return cls.read(
            alternative,
            offer_id=str(alternative.offer),
            # Left out if the start is given, which has the day.
            date=None if alternative.starts_at else day_text(alternative.day),
            # In the form `reserve` takes: `session_id` if one is needed, else `session_ids`.
            session_id=ids[0] if len(ids) == 1 else None,
            session_ids=ids if len(ids) > 1 else [],
            price=str(alternative.price),
        )

    def text(self) -> str:
        """One line of text."""
        left = None if self.left is None else f"{self.left} left"
        facts = ", ".join(f for f in (self.starts_at or self.date, self.price, left) if f)
        ids = ", ".join(self.session_ids) or self.session_id
        session = f"; session_id {ids}" if ids else ""
        return f"  instead: {self.product} ({facts}); offer_id {self.offer_id}{session}"


AlternativesInShort: TypeAlias = Annotated[list[AlternativeView], IN_SHORT]


def shown(services: App, proposals: Proposals) -> list[AlternativeView]:
    """The alternatives as shown. Their prices are remembered as shown to the caller."""
    # `reserve` compares with them and says if a price changed.
    for each in proposals.alternatives:
        services.prices.show(
            services.principal.key, each.offer, each.price, is_live=each.is_price_live
        )
    return [AlternativeView.of(each) for each in proposals.alternatives]


def next_step(proposals: Proposals, otherwise: str) -> str:
    """The next step: reserve one of them; `otherwise` if it is not known whether there are any."""
    if proposals.alternatives:
        return _PROPOSE
    return _NOTHING_NEAR if proposals.is_none else otherwise


def proposal(view: AlternativeView) -> Proposal:
    """The alternative in the form of a refusal, which has no product name."""
    return Proposal(
        offer_id=view.offer_id,
        session_id=view.session_id,
        session_ids=tuple(view.session_ids),
        starts_at=view.starts_at,
        date=view.date,
        price=view.price,
    )
