"""What becomes of a reserve call: what is held, what is not and why, and what nobody answered."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from korus_mcp.api.models.reservation import ReservationBulkResult, ReservationFailure
from korus_mcp.booking.entries import FailedEntry, read_entry
from korus_mcp.booking.hold import ITS_ORDER, Hold, HoldState
from korus_mcp.booking.quote import Obstacle, Quote
from korus_mcp.booking.requests import ReserveCall
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money, total
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.foundation.unread import value_of
from korus_mcp.journal.protocol import HoldIntent


class ReserveState(StrEnum):
    """What became of a reserve call as a whole."""

    HELD = "held"
    PARTLY_HELD = "partly_held"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True)
class FailedItem:
    """An offer that cannot be ordered; `message` is the issuer's own text, cleaned, or ours.

    `may_be_ordered`: nothing may be bought in its place.
    """

    offer_id: str
    code: str | None
    message: str
    is_ours: bool = False
    may_be_ordered: bool = False


@dataclass(frozen=True)
class PriceMove:
    """A price that differs from the one last shown."""

    offer: Handle
    was: Money
    now: Money


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """The answer of a reserve call."""

    state: ReserveState
    holds: tuple[Hold, ...] = ()
    failed: tuple[FailedItem, ...] = ()
    moves: tuple[PriceMove, ...] = ()
    replayed: bool = False
    check_again_after: int | None = None
    beyond: tuple[str, ...] = ()
    """In words, what is held and was not asked for."""

    @property
    def total(self) -> Money | None:
        """What all holds together cost; None when one of them states no amount."""
        amounts = [h.total for h in self.holds if h.total is not None]
        return total(amounts) if amounts and len(amounts) == len(self.holds) else None

    def compared_with(self, quotes: Mapping[Handle, Quote]) -> "Reserved":
        """This answer, which also tells what is held on another day than that of its offer."""
        days = {quote.handle.id: quote.day for quote in quotes.values()}
        moved = {
            (line.day, asked)
            for line in (line for hold in self.holds for line in hold.lines)
            if (asked := days.get(line.offer_id or "")) is not None
            and line.day not in (None, asked)
        }
        told = (
            f"The issuer holds {held}, where the offer is of {asked}."
            for held, asked in sorted(moved, key=str)
        )
        return replace(self, beyond=(*self.beyond, *told))


def answer_of(
    call: ReserveCall,
    result: ReservationBulkResult,
    failed: tuple[FailedItem, ...],
    holds: Sequence[Hold],
    quotes: Mapping[Handle, Quote],
) -> Reserved:
    """The answer to a call, of which these are the holds; `failed` is what was refused of it, and
    `quotes` are its offers as they were a moment before.

    Raises:
        Refusal: Nothing usable came of it.
    """
    answered = _units(holds)
    for failure, _, about in _entries(call, result):
        # How many of an offer were refused; an entry without a figure is about all of them.
        told = value_of(failure.quantity) if len(about) == 1 else None
        for offer_id in about:
            answered[offer_id] += told or call.asked[offer_id]
    made = _reserved(call, holds, failed, _unanswered(call, answered)).compared_with(quotes)
    return replace(made, beyond=(*made.beyond, *_dearer(call, made, quotes)))


def told_again(
    call: ReserveCall, earlier: HoldIntent, made: Sequence[Hold], standing: Sequence[Hold]
) -> Reserved:
    """The answer to an earlier equal call, which made these holds; those that stand are told.

    Raises:
        Refusal: Nothing of it is usable any more.
    """
    failed = tuple(FailedItem(r.offer_id, r.code, r.message) for r in earlier.refused)
    named = {failure.offer_id for failure in failed}
    unanswered: tuple[FailedItem, ...] = ()
    # Of a refusal that names no offer of the call nobody knows what it answered.
    if named <= {str(offer) for offer in call.offers}:
        answered = _units(made)
        for offer in call.offers:
            answered[offer.id] += call.asked[offer.id] if str(offer) in named else 0
        unanswered = _unanswered(call, answered)
    return replace(_reserved(call, standing, failed, unanswered), replayed=True)


def refused(call: ReserveCall, result: ReservationBulkResult) -> tuple[FailedItem, ...]:
    """What the issuer refused to hold, an item for each offer that an entry of its list names."""
    return tuple(
        FailedItem(_offer_text(call, offer_id), entry.code, entry.message)
        for _, entry, about in _entries(call, result)
        for offer_id in about
    )


def _reserved(
    call: ReserveCall,
    holds: Sequence[Hold],
    failed: tuple[FailedItem, ...],
    unanswered: tuple[FailedItem, ...],
) -> Reserved:
    """What is held; a hold to which nobody can agree counts as failed.

    Raises:
        Refusal: Nothing else came of the call.
    """
    obstacles = [(hold, obstacle) for hold in holds if (obstacle := _against(hold)) is not None]
    # Where something was refused besides, both are told; else the one reason is the answer.
    is_none_usable = bool(obstacles) and len(obstacles) == len(holds)
    if is_none_usable and any(map(_may_be_an_order, holds)):
        raise Refusal(
            Code.NOT_BOOKABLE,
            f"It was held, and {ITS_ORDER} since is not certain; nothing was held besides.",
            "Do not reserve it again. Call find_orders to see what became of it.",
            effect=Effect.HELD,
        )
    if is_none_usable and not failed:
        obstacle = obstacles[0][1]
        raise Refusal(
            obstacle.code,
            f"It was held, but cannot be ordered: {obstacle.reason}; nothing was ordered.",
            "Choose another offer from get_offers; the hold lapses unused, at no cost.",
            effect=Effect.HELD,
        )
    usable = tuple(hold for hold in holds if _against(hold) is None)
    failed += unanswered
    failed += tuple(_not_usable(call, hold, obstacle) for hold, obstacle in obstacles)
    state = ReserveState.HELD if usable else ReserveState.FAILED
    if usable and failed:
        state = ReserveState.PARTLY_HELD
    return Reserved(state=state, holds=usable, failed=failed, beyond=_beyond(call, usable))


def _against(hold: Hold) -> Obstacle | None:
    """Why what was just held cannot be ordered: an issuer may answer with a hold that is over."""
    if hold.state in (HoldState.EXPIRED, HoldState.RELEASED):
        return Obstacle(Code.NOT_BOOKABLE, "the issuer ended it at once")
    if hold.state is HoldState.ORDERED:
        return Obstacle(Code.NOT_BOOKABLE, "the issuer says that it was ordered")
    return hold.obstacle()


def _may_be_an_order(hold: Hold) -> bool:
    return hold.may_be_ordered or hold.state is HoldState.ORDERED


def _dearer(call: ReserveCall, made: Reserved, quotes: Mapping[Handle, Quote]) -> tuple[str, ...]:
    """What is held for more than its offers cost a moment before."""
    prices = [(item.quantity, quotes[item.offer].price) for item in call.items]
    quoted = total([price.times(quantity) for quantity, price in prices if price is not None])
    # Compared only where as many are held as were asked for, and every one had a price.
    is_as_asked = sum(h.quantity for h in made.holds) == call.asked.total()
    is_quoted = all(price is not None for _, price in prices) and is_as_asked
    if not is_quoted or made.total is None or made.total <= quoted:
        return ()
    return (f"The issuer holds it for {made.total}, where the offers cost {quoted}.",)


def _beyond(call: ReserveCall, holds: Sequence[Hold]) -> tuple[str, ...]:
    """What is held beyond the wish: more of an offer, or offers nobody asked for."""
    asked, held = call.asked, _units(holds)
    if None in held:  # an answer that names no offer is counted as a whole
        asked, held = Counter({None: asked.total()}), Counter({None: held.total()})
    return tuple(
        f"The issuer holds {count} where {asked[offer]} were asked for."
        if asked[offer]
        else f"The issuer holds {count} of an offer that was not asked for."
        for offer, count in held.items()
        if count > asked[offer]
    )


def _units(holds: Iterable[Hold]) -> Counter[str | None]:
    """How many units of each offer are held; under None those that name no offer."""
    held = Counter[str | None]()
    for line in (line for hold in holds for line in hold.lines):
        held[line.offer_id] += line.quantity
    return held


def _not_usable(call: ReserveCall, hold: Hold, obstacle: Obstacle) -> FailedItem:
    offer = _offer_text(call, next((line.offer_id for line in hold.lines), None))
    message = f"held, but cannot be ordered: {obstacle.reason}"
    if hold.may_be_ordered:
        message = f"held before; {ITS_ORDER} cannot be read: do not reserve it again"
    elif hold.state is HoldState.ORDERED:
        message = "held before; the issuer says that it was ordered: do not reserve it again"
    is_order = _may_be_an_order(hold)
    return FailedItem(offer, obstacle.code.value, message, is_ours=True, may_be_ordered=is_order)


def _entries(
    call: ReserveCall, result: ReservationBulkResult
) -> Iterator[tuple[ReservationFailure, FailedEntry, tuple[str | None, ...]]]:
    """What the issuer refused, entry by entry, with the offers that each is about: of several
    those that are not held, if that is told.
    """
    is_told = all(reservation.items for reservation in result.reservations)
    held = {id_at_end(item.offer) for each in result.reservations for item in each.items}
    for failure in result.failed_reservations:
        entry = read_entry(failure, id_at_end(failure.offer), [i.offer.id for i in call.items])
        about: tuple[str, ...] = entry.ids
        # One that names none is about the only offer there is, where nothing of that is held (A12).
        if entry.id is None and len(call.asked) == 1 and not result.reservations:
            about = tuple(item.offer.id for item in call.items[:1])
        # An entry that names several offers is about those that failed; the rest were held.
        if len(about) > 1:
            about = tuple(each for each in about if is_told and each not in held)
        yield failure, entry, about or (entry.id,)


def _unanswered(call: ReserveCall, answered: Mapping[str | None, int]) -> tuple[FailedItem, ...]:
    """Offers of which fewer units are held or refused than were asked for (A12)."""
    # An answer that names no offer may be about any of them.
    if None in answered:
        return ()  # what an answer does not name cannot be counted
    return tuple(
        FailedItem(str(offer), None, "the issuer gave no answer for all of these", is_ours=True)
        for offer in call.offers
        if answered.get(offer.id, 0) < call.asked[offer.id]
    )


def _offer_text(call: ReserveCall, offer_id: str | None) -> str:
    """The handle of an offer of the call; of another its bare id."""
    return next((str(i.offer) for i in call.items if i.offer.id == offer_id), offer_id or "unknown")
