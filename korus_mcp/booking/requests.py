"""What a reserve call asks for, what is refused before it is sent, and the lines that are sent."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from korus_mcp.api import ReservationLine, TicketChoice
from korus_mcp.api.jsonld import OFFER, OFFER_TICKET, SESSION
from korus_mcp.booking import over
from korus_mcp.booking.limits import OneOrder, beyond_limit
from korus_mcp.booking.quote import (
    Missed,
    Obstacle,
    Quote,
    Session,
    TicketNeed,
    Unavailable,
    unreadable,
)
from korus_mcp.foundation.handles import Handle
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Code, Faults, FieldProblem, Refusal

SHOWN_SESSIONS: Final = 2
SEE_SESSIONS: Final = "not as check_availability lists them for this offer"


@dataclass(frozen=True)
class ReserveItem:
    """A wish for one offer: a quantity, and a session for each of its tickets that needs one."""

    offer: Handle
    quantity: int
    session_ids: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReserveCall:
    """Who asks for what. `max_total` is the most that all items together may cost."""

    owner: str
    items: tuple[ReserveItem, ...]
    language: str
    max_total: Money | None = None
    again: bool = False

    @property
    def offers(self) -> tuple[Handle, ...]:
        """The offers that are asked for, each once."""
        return tuple(dict.fromkeys(item.offer for item in self.items))

    @property
    def asked(self) -> Counter[str | None]:
        """How many units of each offer are asked for, by its id."""
        asked = Counter[str | None]()
        for item in self.items:
            asked[item.offer.id] += item.quantity
        return asked

    @property
    def wishes(self) -> tuple[str, ...]:
        """A digest of each item: equal for equal items of any owner."""
        return tuple(_digest(_wish_of(item)) for item in self.items)

    @property
    def key(self) -> str:
        """The key under which the journal finds equal calls. With `again` it is another key."""
        return self.keys[int(self.again)]

    @property
    def keys(self) -> tuple[str, str]:
        """The keys without and with `again`. A call is checked against both: while one of them is
        in doubt, the other must not be sent either.

        They are equal for equal wishes of one owner, in whatever order the items stand.
        """
        # Language and `max_total` are no part of them: they do not change what is held.
        first = _digest([self.owner, sorted(_wish_of(item) for item in self.items)])
        return first, f"{first}+again"


def _wish_of(item: ReserveItem) -> list[Any]:
    """The parts of an item that make two items equal."""
    return [str(item.offer), item.quantity, sorted(item.session_ids)]


def _digest(content: object) -> str:
    """A hash of a JSON value: equal for equal contents."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def check_stock(call: ReserveCall, quote: Quote) -> None:
    """Check that an offer has as many units left as all items of the call together ask for.

    Raises:
        Unavailable: SOLD_OUT or NOT_BOOKABLE.
    """
    items = [item for item in call.items if item.offer == quote.handle]
    quantity = sum(item.quantity for item in items)
    obstacle = quote.obstacle(quantity)
    # How many of its base one order may hold is checked over all items: `check_limits`.
    if obstacle is None or obstacle.code is Code.LIMIT_EXCEEDED:
        return
    argument = "quantity" if obstacle.code is Code.SOLD_OUT else "offer_id"
    chosen = tuple(session_id for item in items for session_id in item.session_ids)
    raise Unavailable(
        obstacle.code,
        f"An offer cannot be booked: {obstacle.reason}; nothing was held.",
        "Propose another day, session, zone or a smaller quantity; get_offers shows them.",
        missed=Missed(quote=quote, quantity=quantity, session_ids=chosen),
        fields=(FieldProblem(f"items.{call.items.index(items[0])}.{argument}", obstacle.reason),),
    )


def check_limits(call: ReserveCall, quotes: Mapping[Handle, Quote], operator: OneOrder) -> None:
    """Check that the items together ask for no more of a base than its issuer allows in one order,
    and none for more than the operator does: that could be held, and never be ordered.

    Raises:
        Refusal: LIMIT_EXCEEDED, with how that many can be had, if at all.
    """
    wanted: dict[tuple[str, str | None], Counter[Handle]] = {}
    for item in call.items:
        # The limit is that of a product base, which several offers share (T11).
        base = item.offer.alias, quotes[item.offer].base_id
        wanted.setdefault(base, Counter())[item.offer] += item.quantity
    for offers in wanted.values():
        asked = [(quotes[offer], quantity) for offer, quantity in offers.items()]
        most = next((q.most for q, _ in asked if isinstance(q.most, int) and q.most > 0), None)
        if most is not None and offers.total() > most:
            raise Refusal(
                Code.LIMIT_EXCEEDED,
                f"The issuer allows at most {most} of this in one order.",
                beyond_limit(asked, most, operator),
            )
    for place, item in enumerate(call.items):
        if not operator.allows([(quotes[item.offer], item.quantity)]):
            raise Refusal(
                Code.LIMIT_EXCEEDED,
                f"The operator allows at most {operator} in one order; nothing was held.",
                "Reserve less, or tell the person that the operator sets the limit.",
                fields=(FieldProblem(f"items.{place}.quantity", "more than one order may have"),),
            )


def line_of(place: int, item: ReserveItem, quote: Quote) -> ReservationLine:
    """The line that is sent for an item: an entry for each offer ticket, with its session if and
    only if the ticket takes one (T24).

    Raises:
        Refusal: SESSION_REQUIRED, or that a chosen session cannot be booked.
        RuntimeError: the quote was not read for this: its tickets may be those of another offer.
    """
    if not quote.is_read_whole:
        raise RuntimeError("a line is made of a quote that was read whole")
    chosen = _chosen_sessions(f"items.{place}.session_ids", item, quote)
    where = (quote.catalog_id, quote.handle.id)
    return ReservationLine(
        offer_iri=OFFER.iri(*where),
        quantity=item.quantity,
        tickets=tuple(
            TicketChoice(
                ticket_iri=OFFER_TICKET.iri(*where, need.id),
                session_iri=SESSION.iri(*where, need.id, chosen[need.id].id)
                if need.id in chosen
                else None,
            )
            for need in quote.tickets
        ),
    )


def lines_to_send(
    call: ReserveCall, quotes: Mapping[Handle, Quote], faults: Faults
) -> list[ReservationLine]:
    """The lines that are sent; `faults` gets what is wrong with the sessions of each item."""
    lines = []
    for place, item in enumerate(call.items):
        # Of what is sold out or over no session can be chosen: that it cannot be had says it all.
        # Only beside a fault, so that no item is ever left out of what is sent.
        if faults and quotes[item.offer].obstacle(1) is not None:
            continue
        with faults:
            try:
                lines.append(line_of(place, item, quotes[item.offer]))
            except Refusal as refusal:
                # Ids are long: only the first that lacks a session is shown some.
                if faults and refusal.code is Code.SESSION_REQUIRED and refusal.fields:
                    (problem,) = refusal.fields
                    raise replace(
                        refusal, fields=(replace(problem, problem=SEE_SESSIONS),)
                    ) from None
                raise
    return lines


def _chosen_sessions(argument: str, item: ReserveItem, quote: Quote) -> dict[str, Session]:
    """Offer ticket -> its chosen session, for tickets that need one. `argument` names, for a
    refusal, the argument in which the sessions were given.
    """
    chosen: dict[str, Session] = {}
    for session_id in item.session_ids:
        meant = [(need, s) for need, s in quote.sessions() if s.id == session_id]
        if not meant:
            raise _session_required(argument, item, quote, "A chosen session is not of this offer")
        # One session may serve several tickets of an offer; two for one ticket are a mistake.
        if all(need.id in chosen for need, _ in meant):
            raise _session_required(
                argument, item, quote, "Two sessions were chosen for one ticket"
            )
        chosen |= {need.id: session for need, session in meant if need.id not in chosen}
    for need in quote.tickets:
        if need.needs_session and need.id not in chosen:
            raise _session_required(argument, item, quote, "A session must be chosen", need)
        if need.id in chosen and not quote.can_take(chosen[need.id], item.quantity):
            raise _session_unusable(argument, item, quote, chosen[need.id])
    return chosen


def _session_unusable(
    argument: str, item: ReserveItem, quote: Quote, session: Session
) -> Unavailable:
    """The refusal of a chosen session that is over, cannot be read, or is full."""
    is_over = quote.is_over(session)
    obstacle = Obstacle(Code.NOT_BOOKABLE, over.IT) if is_over else unreadable(session.unread)
    left = max(0, session.left or 0)
    return Unavailable(
        obstacle.code if obstacle else Code.SOLD_OUT,
        f"A chosen session cannot be booked: {obstacle.reason}; nothing was held."
        if obstacle
        else "The chosen session has too few places left; nothing was held.",
        "Choose another session from check_availability.",
        missed=Missed(quote=quote, quantity=item.quantity, session_ids=item.session_ids),
        fields=(FieldProblem(argument, obstacle.reason if obstacle else f"{left} left"),),
    )


def _session_required(
    argument: str, item: ReserveItem, quote: Quote, problem: str, need: TicketNeed | None = None
) -> Refusal:
    if not quote.needs_session:
        return Refusal(
            Code.SESSION_REQUIRED,
            "This offer takes no session.",
            "Call again without session_ids.",
            fields=(FieldProblem(argument, "full-day offer"),),
        )
    sessions = [
        s
        for n, s in quote.sessions()
        if (need is None or n is need) and quote.can_take(s, item.quantity)
    ]
    told = [f"{s.id} ({_time(s, quote)})" for s in sessions[:SHOWN_SESSIONS]]
    if any(s.starts_at and not _is_brief(s.starts_at, quote) for s in sessions[:SHOWN_SESSIONS]):
        told = told[:1]  # these texts are long, and a refusal must stay short
    shown = ", ".join(told)
    more = f", {len(sessions) - len(told)} more" if len(sessions) > len(told) else ""
    return Refusal(
        Code.SESSION_REQUIRED,
        f"{problem}; nothing was held.",
        "Pass one of these; check_availability lists all.",
        fields=(FieldProblem(argument, f"{shown}{more}" if shown else "none is open now"),),
    )


def _time(session: Session, quote: Quote) -> str:
    """When a session begins, for a refusal: the hour alone if it is on the day of the quote. Where
    the venue's time zone is not known, with the UTC offset.
    """
    at = session.starts_at
    if at is None:
        return "no time"
    if _is_brief(at, quote):
        return f"{at:%H:%M}"
    return f"{at:%Y-%m-%d %H:%M}" if quote.zone is not None else at.isoformat(" ", "minutes")


def _is_brief(at: datetime, quote: Quote) -> bool:
    """Whether the hour alone tells when a session begins."""
    return quote.zone is not None and at.date() == quote.day
