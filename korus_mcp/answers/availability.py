"""What an offer costs now and how many are left, as answers show it."""

import re
from typing import Any, Final

from korus_mcp.answers.alternatives import AlternativesInShort
from korus_mcp.answers.views import Moment, PagedView, Part, Price, day_text, lines_of
from korus_mcp.booking.quote import Quote, Session, unreadable

_OFFSET: Final = re.compile(r"(?:Z|[+-]\d\d:\d\d)$")
_TOO_MANY: Final = "too many for one order"


class SessionView(Part):
    """A session that can be chosen."""

    session_id: str
    starts_at: Moment = None
    ends_at: Moment = None
    left: int | None = None
    enough: bool
    stock_unknown: bool = False
    ticket: str | None = None
    problem: str | None = None
    """Why it cannot be chosen, if it is not that too little is left."""

    @classmethod
    def of(
        cls, session: Session, quantity: int, ticket: str | None, *, is_beyond: bool = False
    ) -> "SessionView":
        """The session as shown; the ticket's name only where an offer has several with sessions.

        `is_beyond`: the quantity is more than one order may hold.
        """
        obstacle, has_room = unreadable(session.unread), session.has_room_for(quantity)
        problem = _TOO_MANY if has_room and is_beyond else None
        return cls.read(
            session,
            session_id=session.id,
            enough=has_room and not is_beyond,
            stock_unknown=not session.is_stock_told and obstacle is None,
            ticket=ticket,
            problem=obstacle.reason if obstacle is not None else problem,
        )

    def text(self) -> str:
        """One line of text."""
        left = "" if self.left is None else f", {self.left} left"
        left = ", stock unknown" if self.stock_unknown else left
        room = "" if self.enough else f" ({self.problem or 'not enough'})"
        ticket = f" for {self.ticket}" if self.ticket else ""
        when = self.starts_at or "no time stated"
        when += f" to {self._ends(when)}" if self.ends_at else ""
        return f"  {when}{left}{room}{ticket}; session_id {self.session_id}"

    def _ends(self, start: str) -> str:
        """The end of a session: the hour alone if day and UTC offset are those of the start."""
        end = self.ends_at or ""
        day, _, hour = end.partition("T")
        # The offset differs only in a night when the clocks change.
        is_alike = start.startswith(day) and _OFFSET.findall(start) == _OFFSET.findall(end)
        return hour[:5] if is_alike else end


class CheckedView(Part):
    """One of several offers that were asked about."""

    offer_id: str
    product: str
    date: str | None = None
    bookable: bool
    reason: str | None = None
    price: Price = None
    listed: Price = None
    left: int | None = None

    @classmethod
    def of(cls, quote: Quote, quantity: int) -> "CheckedView":
        """The offer as shown."""
        return cls.read(quote, **facts_of(quote, quantity))

    def text(self) -> str:
        """One line of text."""
        return _in_words(self)


class GroupView(Part):
    """Offers that have the same sessions, in which the same is left."""

    offers: list[CheckedView]
    sessions: list[SessionView] = []

    def text(self) -> str:
        """The offers, and their sessions once."""
        offers, sessions = (
            (offer.text() for offer in self.offers),
            (s.text() for s in self.sessions),
        )
        return lines_of(*offers, *sessions)


class AvailabilityView(PagedView):
    """Whether an offer can be booked now. Where several were asked about, they are in `groups`."""

    offer_id: str | None = None
    product: str | None = None
    date: str | None = None
    bookable: bool | None = None
    reason: str | None = None
    price: Price = None
    listed: Price = None
    left: int | None = None
    at_most_per_order: int | None = None
    sessions: list[SessionView] = []
    groups: list[GroupView] = []
    alternatives: AlternativesInShort = []
    checked_at: str

    def text(self) -> str:
        """A heading for each offer, and a line for each session and alternative."""
        most = self.at_most_per_order
        limit = f"At most {most} in one order." if most is not None else None
        rows = lines_of(
            *(session.text() for session in self.sessions),
            *(group.text() for group in self.groups),
            *(alternative.text() for alternative in self.alternatives),
        )
        # What to do goes before sessions that cannot be had so: a long list of them says no.
        several = [offer.bookable for group in self.groups for offer in group.offers]
        is_in_vain = not (self.alternatives or self.bookable or any(several))
        return lines_of(
            _in_words(self) if self.offer_id is not None else None,
            *((limit, self.end, rows) if is_in_vain else (rows, limit)),
            f"Checked {self.checked_at}.",
            None if is_in_vain else self.end,
        )


def facts_of(quote: Quote, quantity: int) -> dict[str, Any]:
    """What is shown of an offer and is no attribute of its quote, or not in this form."""
    obstacle = quote.obstacle(quantity)
    # The listed price is shown only if the live one differs.
    moved = quote.list_price is not None and quote.list_price != quote.price
    return {
        "offer_id": str(quote.handle),
        "date": day_text(quote.day),
        "bookable": obstacle is None,
        "reason": obstacle.reason if obstacle else None,
        "listed": quote.list_price if moved else None,
    }


def _in_words(offer: AvailabilityView | CheckedView) -> str:
    """An offer in one line."""
    state = "bookable" if offer.bookable else f"not bookable: {offer.reason}"
    listed = f"listed at {offer.listed}" if offer.listed else None
    left = None if offer.left is None else f"{offer.left} left"
    facts = ", ".join(f for f in (offer.date, state, offer.price, listed, left) if f)
    return f"{offer.product} ({facts}); offer_id {offer.offer_id}"
