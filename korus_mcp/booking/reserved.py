"""The outcome of a reserve call: what is held, what is not and why, what the answer left out."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from korus_mcp.api.models.reservation import ReservationBulkResult, ReservationFailure
from korus_mcp.booking.entries import FailedEntry, read_entry
from korus_mcp.booking.hold import ITS_ORDER, Hold, HoldState
from korus_mcp.booking.quote import Obstacle, Quote
from korus_mcp.booking.requests import ReserveCall
from korus_mcp.foundation.handles import Handle, id_at_end
from korus_mcp.foundation.money import Money, total
from korus_mcp.foundation.refusals import Code, Effect, Refusal
from korus_mcp.foundation.unread import value_of
from korus_mcp.journal.records import HoldIntent

_UNNAMED: Final = "unknown"
"""Written in place of an offer's id, in answers and in the journal, if an entry names no offer."""


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
    instead. `may_be_held`: it may be held although the answer does not say so, so nothing else is
    held instead for a while. `is_ours`: the message is ours; else it is the issuer's, cleaned.
    """

    offer_id: str
    code: str | None
    message: str
    is_ours: bool = False
    may_have_been_ordered: bool = False
    may_be_held: bool = False


@dataclass(frozen=True)
class PriceMove:
    """A price that changed since it was last shown."""

    offer: Handle
    was: Money
    now: Money


@dataclass(frozen=True, kw_only=True)
class Reserved:
    """The outcome of a reserve call. `check_again_after`: after how many seconds an item that the
    issuer's answer left out may be reserved again. `is_under_way`: the call goes on, and the same
    call asks what came of it.
    """

    state: ReserveState
    holds: tuple[Hold, ...] = ()
    failed: tuple[FailedItem, ...] = ()
    moves: tuple[PriceMove, ...] = ()
    replayed: bool = False
    is_under_way: bool = False
    check_again_after: int | None = None
    beyond: tuple[str, ...] = ()
    """What a person should hear of the holds, in sentences: held without being asked for, held on
    another day, or dearer than quoted."""

    @property
    def total(self) -> Money | None:
        """What all holds together cost; None when one of them states no amount."""
        amounts = [h.total for h in self.holds if h.total is not None]
        return total(amounts) if amounts and len(amounts) == len(self.holds) else None

    def later(self, seconds: int) -> "Reserved":
        """This outcome so many seconds later."""
        if seconds <= 0:
            return self
        again = self.check_again_after
        return replace(
            self,
            holds=tuple(
                replace(h, seconds_left=max(0, h.seconds_left - seconds)) if h.seconds_left else h
                for h in self.holds
            ),
            check_again_after=None if again is None else max(1, again - seconds),
        )

    def compared_with(
        self, call: ReserveCall, quotes: Mapping[Handle, Quote], quoted: Decimal | None = None
    ) -> "Reserved":
        """This outcome, with a sentence for each hold on another day than that of its offer, for
        each session that begins at another time than was told before, and one if it costs more
        than was `quoted` (EUR) for the call: by default, what `quotes` say.
        """
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
        dearer = _dearer(call, self, quotes, quoted)
        shifted = dict.fromkeys(_moved(call, quotes))
        return replace(self, beyond=(*self.beyond, *told, *shifted, *dearer))


def answer_of(
    call: ReserveCall,
    result: ReservationBulkResult,
    failed: tuple[FailedItem, ...],
    holds: Sequence[Hold],
    quotes: Mapping[Handle, Quote],
    wait: int,
) -> Reserved:
    """The outcome of a call that made these holds. `failed`: what the issuer refused; `quotes`: the
    offers as they were a moment before the call; `wait`: for so many seconds what the issuer gave
    no answer for may still turn out to be held.

    Raises:
        Refusal: Nothing usable came of it.
    """
    refused_units, nameless = _refused_units(call, result)
    nameless += sum(not hold.lines for hold in holds)
    unanswered = _unanswered(call, _units(holds) + refused_units, nameless, wait)
    return _reserved(call, holds, failed, unanswered, wait).compared_with(call, quotes)


def told_again(
    call: ReserveCall,
    earlier: HoldIntent,
    made: Sequence[Hold],
    standing: Sequence[Hold],
    wait: int,
) -> Reserved:
    """The outcome of an earlier equal call, which made the holds `made`; `standing` are those that
    are still usable. `wait`: as in `answer_of`; not above 0 once nothing can turn out any more.

    Raises:
        Refusal: Nothing of it is usable any more.
    """
    failed = tuple(FailedItem(r.offer_id, r.code, r.message) for r in earlier.refused)
    entries = Counter(failure.offer_id for failure in failed)
    refused_units = _units_of(call, {offer.id: entries[str(offer)] for offer in call.offers})
    nameless = entries[_UNNAMED] + sum(not hold.lines for hold in made)
    unanswered = _unanswered(call, _units(made) + refused_units, nameless, wait)
    return replace(_reserved(call, standing, failed, unanswered, wait), replayed=True)


def says_all(call: ReserveCall, result: ReservationBulkResult) -> bool:
    """Whether the answer says what became of every item; one that it leaves out may be held."""
    answered, nameless = _refused_units(call, result)
    answered.update(id_at_end(item.offer) for each in result.reservations for item in each.items)
    # A reservation may come as a bare address (A13): it may hold any item of the call.
    nameless += sum(not each.items for each in result.reservations)
    return not _short(call, answered, nameless)


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
    wait: int,
) -> Reserved:
    """The outcome with these holds; those that cannot be ordered count as failed.

    Raises:
        Refusal: The call made only holds that cannot be ordered.
    """
    obstacles = [(hold, obstacle) for hold in holds if (obstacle := _against(hold)) is not None]
    # If something was refused, too, the answer lists both; else the refusal names the one reason.
    is_none_usable = bool(obstacles) and len(obstacles) == len(holds)
    if is_none_usable and any(map(may_be_an_order, holds)):
        raise Refusal(
            Code.NOT_BOOKABLE,
            f"It was held, and {ITS_ORDER} since is not certain; nothing was held besides.",
            "Do not reserve it again. Call find_orders to see what became of it.",
            effect=Effect.HELD,
        )
    is_in_doubt = any(item.may_be_held for item in unanswered)
    if is_none_usable and not failed and not is_in_doubt:
        obstacle = obstacles[0][1]
        raise Refusal(
            obstacle.code,
            f"It was held, but cannot be ordered: {obstacle.reason}; nothing was ordered.",
            "Choose another offer from get_offers; the hold lapses unused, at no cost.",
            effect=Effect.HELD,
        )
    usable = tuple(hold for hold in holds if _against(hold) is None)
    # If nothing is held, the outcome is in doubt: then only what certainly failed is listed.
    failed += unanswered if usable or not is_in_doubt else ()
    failed += tuple(_not_usable(call, hold, obstacle) for hold, obstacle in obstacles)
    state = ReserveState.HELD if usable else ReserveState.FAILED
    if usable and failed:
        state = ReserveState.PARTLY_HELD
    elif is_in_doubt:
        state = ReserveState.IN_DOUBT
    return Reserved(
        state=state,
        holds=usable,
        failed=failed,
        beyond=_beyond(call, usable),
        check_again_after=wait if is_in_doubt else None,
    )


def _against(hold: Hold) -> Obstacle | None:
    """Why a new hold cannot be ordered; None when it can. An issuer may answer an ended one."""
    if hold.state in (HoldState.EXPIRED, HoldState.RELEASED):
        return Obstacle(Code.NOT_BOOKABLE, "the issuer ended it at once")
    if hold.state is HoldState.ORDERED:
        return Obstacle(Code.NOT_BOOKABLE, "the issuer says that it was ordered")
    return hold.obstacle()


def may_be_an_order(hold: Hold) -> bool:
    """Whether a reservation was ordered, or it cannot be read whether it was."""
    return hold.may_have_been_ordered or hold.state is HoldState.ORDERED


def _moved(call: ReserveCall, quotes: Mapping[Handle, Quote]) -> Iterator[str]:
    """A sentence for each chosen session that begins at another time than was told before."""
    chosen = {(item.offer, session) for item in call.items for session in item.session_ids}
    for offer, quote in quotes.items():
        for _, session in quote.sessions():
            was, now = session.moved_from, session.starts_at
            if (offer, session.id) in chosen and was is not None and now is not None:
                was_at, now_at = (f"{at:%Y-%m-%d %H:%M}" for at in (was, now))
                yield f"A session begins at {now_at}, where {was_at} was told before."


def _dearer(
    call: ReserveCall, made: Reserved, quotes: Mapping[Handle, Quote], quoted: Decimal | None
) -> tuple[str, ...]:
    """A sentence if what is held costs more than was quoted for it before the call."""
    prices = [(item.quantity, quotes[item.offer].price) for item in call.items]
    now = total([price.times(quantity) for quantity, price in prices if price is not None])
    asked = Money(quoted) if quoted is not None else now
    # Compared only if exactly the wished quantity is held and each offer had a price.
    is_as_asked = sum(h.quantity for h in made.holds) == call.asked.total()
    is_quoted = all(price is not None for _, price in prices) and is_as_asked
    if not is_quoted or made.total is None or made.total <= asked:
        return ()
    return (f"The issuer holds it for {made.total}, where the offers cost {asked}.",)


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
    is_order = may_be_an_order(hold)
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


def _refused_units(
    call: ReserveCall, result: ReservationBulkResult
) -> tuple[Counter[str | None], int]:
    """Offer id -> how many units were refused; and how many entries name no offer."""
    units, entries = Counter[str | None](), Counter[str | None]()
    for failure, _, about in _entries(call, result):
        is_of_one = len(about) == 1 and about[0] is not None
        told = max(0, value_of(failure.quantity) or 0) if is_of_one else 0
        units[about[0]] += told
        # If nothing is held, an entry refuses a whole item, whatever its number is: an issuer may
        # tell how many are left.
        if told == 0 or not result.reservations:
            entries.update(about)
    nameless = entries.pop(None, 0)
    whole = _units_of(call, entries)
    return units + whole if result.reservations else units | whole, nameless


def _units_of(call: ReserveCall, entries: Mapping[str | None, int]) -> Counter[str | None]:
    """Offer id -> how many units are refused, if each entry refuses one item of the call.

    `entries`: offer id -> how many entries are about it.
    """
    units, left = Counter[str | None](), dict(entries)
    # Each entry counts for the largest item that is left: if the answer may cover all wishes, it
    # is taken to do so.
    for item in sorted(call.items, key=lambda item: item.quantity, reverse=True):
        if left.get(item.offer.id, 0) > 0:
            left[item.offer.id] -= 1
            units[item.offer.id] += item.quantity
    return units


def _unanswered(
    call: ReserveCall, answered: Mapping[str | None, int], nameless: int, wait: int
) -> tuple[FailedItem, ...]:
    """An item for each offer of which fewer units are held or refused than were wished (A12)."""
    said = "the issuer gave no answer for all of these"
    return tuple(
        FailedItem(str(offer), None, said, is_ours=True, may_be_held=wait > 0)
        for offer in _short(call, answered, nameless)
    )


def _short(
    call: ReserveCall, answered: Mapping[str | None, int], nameless: int
) -> tuple[Handle, ...]:
    """Offers of which the answer has fewer units, held and refused, than were wished. None of them
    if the parts of the answer that name no offer may be about all that is missing.

    `answered` counts units by offer, those that name none under None. `nameless` counts refusals
    that name no offer and holds that name no line: each is about one offer.
    """
    missing = {o: call.asked[o.id] - answered.get(o.id, 0) for o in call.offers}
    short = {offer: units for offer, units in missing.items() if units > 0}
    # Nameless parts count for the largest missing ones: if the answer may cover all, it does.
    left = sum(sorted(short.values(), reverse=True)[nameless:])
    return tuple(short) if left > answered.get(None, 0) else ()


def _offer_text(call: ReserveCall, offer_id: str | None) -> str:
    """The handle of an offer of the call; the bare id of any other."""
    return next((str(i.offer) for i in call.items if i.offer.id == offer_id), offer_id or _UNNAMED)
