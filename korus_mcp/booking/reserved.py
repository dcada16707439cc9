"""The outcome of a reserve call: what is held, what is not and why, what the answer left out."""

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
    """An offer that is not held or cannot be ordered; `message` is the issuer's own text or ours.

    `may_have_been_ordered`: the offer may be ordered already, so nothing else may be bought
    instead. `is_ours`: the message is ours; else it is the issuer's, cleaned.
    """

    offer_id: str
    code: str | None
    message: str
    is_ours: bool = False
    may_have_been_ordered: bool = False


@dataclass(frozen=True)
class PriceMove:
    """A price that changed since it was last shown."""

    offer: Handle
    was: Money
    now: Money


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """The outcome of a reserve call."""

    state: ReserveState
    holds: tuple[Hold, ...] = ()
    failed: tuple[FailedItem, ...] = ()
    moves: tuple[PriceMove, ...] = ()
    replayed: bool = False
    check_again_after: int | None = None
    beyond: tuple[str, ...] = ()
    """What is held although nobody asked for it, in words."""

    @property
    def total(self) -> Money | None:
        """What all holds together cost; None when one of them states no amount."""
        amounts = [h.total for h in self.holds if h.total is not None]
        return total(amounts) if amounts and len(amounts) == len(self.holds) else None

    def compared_with(self, quotes: Mapping[Handle, Quote]) -> "Reserved":
        """This outcome, with a sentence for each hold on another day than that of its offer."""
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
    """The outcome of a call that made these holds. `failed`: what the issuer refused; `quotes`: the
    offers as they were a moment before the call.

    Raises:
        Refusal: Nothing usable came of it.
    """
    answered = _units(holds)
    for failure, _, about in _entries(call, result):
        # How many units were refused; an entry without a number is about all units of the offer.
        told = value_of(failure.quantity) if len(about) == 1 else None
        for offer_id in about:
            answered[offer_id] += told or call.asked[offer_id]
    made = _reserved(call, holds, failed, _unanswered(call, answered)).compared_with(quotes)
    return replace(made, beyond=(*made.beyond, *_dearer(call, made, quotes)))


def told_again(
    call: ReserveCall, earlier: HoldIntent, made: Sequence[Hold], standing: Sequence[Hold]
) -> Reserved:
    """The outcome of an earlier equal call, which made the holds `made`; `standing` are those that
    are still usable.

    Raises:
        Refusal: Nothing of it is usable any more.
    """
    failed = tuple(FailedItem(r.offer_id, r.code, r.message) for r in earlier.refused)
    named = {failure.offer_id for failure in failed}
    unanswered: tuple[FailedItem, ...] = ()
    # If a refusal names no offer of the call, nobody knows which wishes were answered.
    if named <= {str(offer) for offer in call.offers}:
        answered = _units(made)
        for offer in call.offers:
            answered[offer.id] += call.asked[offer.id] if str(offer) in named else 0
        unanswered = _unanswered(call, answered)
    return replace(_reserved(call, standing, failed, unanswered), replayed=True)


def refused(call: ReserveCall, result: ReservationBulkResult) -> tuple[FailedItem, ...]:
    """What the issuer refused to hold: an item for each offer that `failedReservations` names."""
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
    """The outcome with these holds; those that cannot be ordered count as failed.

    Raises:
        Refusal: The call made only holds that cannot be ordered.
    """
    obstacles = [(hold, obstacle) for hold in holds if (obstacle := _against(hold)) is not None]
    # If something was refused, too, the answer lists both; else the refusal names the one reason.
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
    """Why a new hold cannot be ordered; None when it can. An issuer may answer an ended one."""
    if hold.state in (HoldState.EXPIRED, HoldState.RELEASED):
        return Obstacle(Code.NOT_BOOKABLE, "the issuer ended it at once")
    if hold.state is HoldState.ORDERED:
        return Obstacle(Code.NOT_BOOKABLE, "the issuer says that it was ordered")
    return hold.obstacle()


def _may_be_an_order(hold: Hold) -> bool:
    return hold.may_have_been_ordered or hold.state is HoldState.ORDERED


def _dearer(call: ReserveCall, made: Reserved, quotes: Mapping[Handle, Quote]) -> tuple[str, ...]:
    """A sentence if what is held costs more than the quotes said a moment before."""
    prices = [(item.quantity, quotes[item.offer].price) for item in call.items]
    quoted = total([price.times(quantity) for quantity, price in prices if price is not None])
    # Compared only if exactly the wished quantity is held and each offer had a price.
    is_as_asked = sum(h.quantity for h in made.holds) == call.asked.total()
    is_quoted = all(price is not None for _, price in prices) and is_as_asked
    if not is_quoted or made.total is None or made.total <= quoted:
        return ()
    return (f"The issuer holds it for {made.total}, where the offers cost {quoted}.",)


def _beyond(call: ReserveCall, holds: Sequence[Hold]) -> tuple[str, ...]:
    """Sentences for what is held beyond the wish: more of an offer, or offers nobody asked for."""
    asked, held = call.asked, _units(holds)
    if None in held:  # a hold that names no offer: then only the totals can be compared
        asked, held = Counter({None: asked.total()}), Counter({None: held.total()})
    return tuple(
        f"The issuer holds {count} where {asked[offer]} were asked for."
        if asked[offer]
        else f"The issuer holds {count} of an offer that was not asked for."
        for offer, count in held.items()
        if count > asked[offer]
    )


def _units(holds: Iterable[Hold]) -> Counter[str | None]:
    """Offer id -> how many units are held; those that name no offer are under None."""
    held = Counter[str | None]()
    for line in (line for hold in holds for line in hold.lines):
        held[line.offer_id] += line.quantity
    return held


def _not_usable(call: ReserveCall, hold: Hold, obstacle: Obstacle) -> FailedItem:
    offer = _offer_text(call, next((line.offer_id for line in hold.lines), None))
    message = f"held, but cannot be ordered: {obstacle.reason}"
    if hold.may_have_been_ordered:
        message = f"held before; {ITS_ORDER} cannot be read: do not reserve it again"
    elif hold.state is HoldState.ORDERED:
        message = "held before; the issuer says that it was ordered: do not reserve it again"
    is_order = _may_be_an_order(hold)
    return FailedItem(
        offer, obstacle.code.value, message, is_ours=True, may_have_been_ordered=is_order
    )


def _entries(
    call: ReserveCall, result: ReservationBulkResult
) -> Iterator[tuple[ReservationFailure, FailedEntry, tuple[str | None, ...]]]:
    """Each entry of what the issuer refused, with the offers that it is about. If it names several,
    those that are not held, where the answer shows which these are.
    """
    is_told = all(reservation.items for reservation in result.reservations)
    held = {id_at_end(item.offer) for each in result.reservations for item in each.items}
    for failure in result.failed_reservations:
        entry = read_entry(failure, id_at_end(failure.offer), [i.offer.id for i in call.items])
        about: tuple[str, ...] = entry.ids
        # An entry without an offer is about the only one of the call, if none of it is held (A12).
        if entry.id is None and len(call.asked) == 1 and not result.reservations:
            about = tuple(item.offer.id for item in call.items[:1])
        # An entry may name several offers of which some are held: it is about the others.
        if len(about) > 1:
            about = tuple(each for each in about if is_told and each not in held)
        yield failure, entry, about or (entry.id,)


def _unanswered(call: ReserveCall, answered: Mapping[str | None, int]) -> tuple[FailedItem, ...]:
    """An item for each offer of which fewer units are held or refused than were wished (A12)."""
    # Units that name no offer may be of any: then nothing can be said to be missing.
    if None in answered:
        return ()
    return tuple(
        FailedItem(str(offer), None, "the issuer gave no answer for all of these", is_ours=True)
        for offer in call.offers
        if answered.get(offer.id, 0) < call.asked[offer.id]
    )


def _offer_text(call: ReserveCall, offer_id: str | None) -> str:
    """The handle of an offer of the call; the bare id of any other."""
    return next((str(i.offer) for i in call.items if i.offer.id == offer_id), offer_id or "unknown")
