"""check_availability: what is left of one offer, asked from the issuer now."""

from typing import Annotated

from pydantic import Field

from korus_mcp.answers.alternatives import AlternativesInShort, AlternativeView, next_step, shown
from korus_mcp.answers.views import Moment, PagedView, Part, Price, day_text, lines_of, moment
from korus_mcp.app import app_of
from korus_mcp.booking.quote import Missed, Quote, Session, unreadable
from korus_mcp.foundation.paging import Pages, PageStart
from korus_mcp.foundation.refusals import Faults
from korus_mcp.proposals.alternatives import Proposals
from korus_mcp.tools.arguments import Cursor, Language, OfferId, Quantity
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given

SHOWN_SESSIONS = 30
_OFFSET = slice(-len("+02:00"), None)


class SessionView(Part):
    """A session that can be chosen."""

    session_id: str
    starts_at: Moment = None
    ends_at: Moment = None
    left: int | None = None
    enough: bool
    ticket: str | None = None
    problem: str | None = None
    """Why it cannot be chosen, if it is not that too little is left."""

    @classmethod
    def of(cls, session: Session, quantity: int, ticket: str | None) -> "SessionView":
        """The session as shown; the ticket's name only where an offer has several with sessions."""
        enough = session.has_room_for(quantity)
        obstacle = unreadable(session.unread)
        problem = obstacle.reason if obstacle is not None else None
        return cls.read(
            session, session_id=session.id, enough=enough, ticket=ticket, problem=problem
        )

    def text(self) -> str:
        """One line of text."""
        left = "" if self.left is None else f", {self.left} left"
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
        is_alike = start.startswith(day) and start[_OFFSET] == end[_OFFSET]
        return hour[:5] if is_alike else end


class AvailabilityView(PagedView):
    """Whether an offer can be booked now."""

    offer_id: str
    product: str
    date: str | None = None
    bookable: bool
    reason: str | None = None
    price: Price = None
    listed: Price = None
    left: int | None = None
    sessions: list[SessionView] = []
    alternatives: AlternativesInShort = []
    checked_at: str

    def text(self) -> str:
        """A heading and a line for each session and alternative."""
        state = "bookable" if self.bookable else f"not bookable: {self.reason}"
        listed = f"listed at {self.listed}" if self.listed else None
        left = None if self.left is None else f"{self.left} left"
        facts = ", ".join(f for f in (self.date, state, self.price, listed, left) if f)
        return lines_of(
            f"{self.product} ({facts}); offer_id {self.offer_id}",
            *(session.text() for session in self.sessions),
            *(alternative.text() for alternative in self.alternatives),
            f"Checked at {self.checked_at}.",
            self.end,
        )


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    offer_id, services = given.get("offer_id"), app_of(ctx)
    if not given.wrong:
        with faults:
            Pages.of("check_availability", (offer_id,), given.get("cursor"))
    if faults and offer_id is not None:
        with faults.about("offer_id"):
            language = services.language(given.get("language"))
            await services.mirror.check_alias(offer_id.alias, language)


@tool(title="Check availability", read_only=True, destructive=False, idempotent=True, checks=_check)
async def check_availability(
    ctx: ToolContext,
    offer_id: Annotated[OfferId, Field(description="From get_offers")],
    quantity: Annotated[Quantity, Field(description="How many")] = 1,
    cursor: Cursor = None,
    language: Language = None,
) -> Reply[AvailabilityView]:
    """Ask the issuer now for an offer's price, stock and sessions. Holds nothing."""
    services = app_of(ctx)
    wished = services.language(language)
    pages = Pages.of("check_availability", (offer_id,), cursor)
    quote = await services.quotes.of_offer(offer_id, wished, is_part_enough=True)
    # `reserve` compares its prices with the ones that were shown.
    services.prices.show(services.principal.key, offer_id, quote.price)
    # Alternatives cost several reads, so they are looked for only if the offer cannot be booked.
    near = Proposals()
    if quote.obstacle(quantity) is not None:
        missed = Missed(quote=quote, quantity=quantity)
        near = await services.alternatives.instead_of(missed, wished)
    # The ticket of a session is named only if more than one ticket needs a session.
    several = sum(need.needs_session for need in quote.tickets) > 1
    first = pages.begin.offset

    to_come = [(need, s) for need, s in quote.sessions() if not quote.is_over(s)][first:]
    base = _view(quote, quantity, near, shown(services, near))

    def with_sessions(count: int) -> AvailabilityView:
        hidden = len(to_come) - count
        sessions = [
            SessionView.of(session, quantity, need.name if several else None)
            for need, session in to_come[:count]
        ]
        update: dict[str, object] = {"sessions": sessions}
        if hidden:
            update["next_cursor"] = pages.cursor(PageStart(first + count))
            update["next"] = f"{base.next} {hidden} later sessions: call again with the cursor."
        return base.model_copy(update=update)

    return Reply.of_rows(min(len(to_come), SHOWN_SESSIONS), with_sessions)


def _view(
    quote: Quote, quantity: int, near: Proposals, alternatives: list[AlternativeView]
) -> AvailabilityView:
    """The answer without its sessions."""
    obstacle = quote.obstacle(quantity)
    # The listed price is shown only if the live one differs.
    moved = quote.list_price is not None and quote.list_price != quote.price
    return AvailabilityView.read(
        quote,
        offer_id=str(quote.handle),
        date=day_text(quote.day),
        bookable=obstacle is None,
        reason=obstacle.reason if obstacle else None,
        listed=quote.list_price if moved else None,
        # Told, since the quote's own `sessions` is a method and would be read.
        sessions=[],
        next_cursor=None,
        note=None,
        alternatives=alternatives,
        checked_at=moment(quote.checked_at.replace(microsecond=0)),
        next=_next(quote)
        if obstacle is None
        else next_step(near, "Propose another day, session or zone from get_offers."),
    )


def _next(quote: Quote) -> str:
    needs = sum(need.needs_session for need in quote.tickets)
    choose = {
        0: "No session is needed: reserve without session_ids.",
        1: "Reserve with one session_id.",
    }
    step = choose.get(needs, "Reserve with one session_id for each ticket named.")
    if any(need.has_late_sessions for need in quote.tickets):
        return f"{step} Not all sessions came in time: there may be more than those listed."
    is_cut = any(need.has_unread_sessions for need in quote.tickets)
    return f"{step} Some sessions cannot be read and are left out." if is_cut else step
