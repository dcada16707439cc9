"""What is kept of offers, so that a question asked again reads live figures only.

An offer as it was listed is kept for a minute, as price tables are. Its tickets and the times of
their sessions are kept for a day, as the catalog is; the offers of a product base on one day share
them, as far as the live stock of each names the same sessions. No stock and no live price is kept,
and nothing that is held or ordered is checked by what is here.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import cached_property
from typing import Final, TypeAlias

from cachetools import LRUCache

from korus_mcp.api.models.offer import Offer, OfferTicket
from korus_mcp.booking import over
from korus_mcp.foundation.clock import Clock
from korus_mcp.foundation.handles import id_at_end
from korus_mcp.foundation.measures import CACHE, measure
from korus_mcp.foundation.unread import ToldDay, Unread, at_place

LISTED_SECONDS: Final = 60
"""How long an offer counts as it was listed. Nothing is documented; price tables are as old."""
TIMES_SECONDS: Final = 24 * 3600
"""How long tickets and session times count, as the catalog does."""
MOST_OFFERS: Final = 2_000
MOST_SESSIONS: Final = 20_000
_STATED: Final = frozenset({"date", "price", "product", "product_base", "realtime_price_required"})
"""What has to stand in an offer to be kept: lists may leave out what single items carry (T29)."""

Place: TypeAlias = tuple[str, str, str]
"""Of an offer: the ids of its catalog and of itself, and the language."""
Group: TypeAlias = tuple[str, str, ToldDay, str]
"""The offers that may share sessions: catalog, product base, day and language."""


@dataclass(frozen=True, slots=True)
class SessionTime:
    """A session as it is listed, without its stock."""

    id: str
    starts_at: datetime | Unread | None
    ends_at: datetime | Unread | None
    seat_map_id: str | None

    def at(self, zone: tzinfo | None) -> "SessionTime":
        """The same in the time of a venue."""
        starts_at, ends_at = (
            at_place(moment, zone) if isinstance(moment, datetime) else moment
            for moment in (self.starts_at, self.ends_at)
        )
        return SessionTime(self.id, starts_at, ends_at, self.seat_map_id)


@dataclass(frozen=True, kw_only=True)
class Timetable:
    """The tickets of an offer, and the sessions of each that needs one, by its id.

    `unread_tickets` and `unread_sessions` count what is there and was not read, `late` are tickets
    whose sessions did not all come in time. `is_whole`: all was readable and came in time.
    """

    tickets: tuple[OfferTicket, ...]
    sessions: Mapping[str, tuple[SessionTime, ...]]
    unread_tickets: int = 0
    unread_sessions: Mapping[str, int] = field(default_factory=dict)
    late: frozenset[str] = frozenset()
    is_whole: bool = True
    _placed: dict[tzinfo | None, "Timetable"] = field(
        default_factory=dict, repr=False, compare=False
    )

    @cached_property
    def session_ids(self) -> frozenset[str]:
        """The ids of all its sessions."""
        return frozenset(each.id for each in self.every_session())

    def at(self, zone: tzinfo | None) -> "Timetable":
        """The same in the time of a venue, the sessions in the order in which they begin."""
        # Once for all questions: a base has one zone, and its timetable is kept for a day.
        if zone not in self._placed:
            sessions = {
                ticket_id: tuple(sorted((each.at(zone) for each in times), key=_beginning))
                for ticket_id, times in self.sessions.items()
            }
            self._placed[zone] = replace(self, sessions=sessions, _placed={})
        return self._placed[zone]

    def begun(self, now: datetime) -> frozenset[str]:
        """The ids of the sessions that have begun."""
        return frozenset(
            each.id
            for each in self.every_session()
            if isinstance(each.starts_at, datetime) and over.has_begun(each.starts_at, now)
        )

    def every_session(self) -> Iterable[SessionTime]:
        """The sessions of all its tickets."""
        return (each for sessions in self.sessions.values() for each in sessions)


@dataclass(frozen=True)
class Live:
    """An offer, what its live stock says now, by session, and a moment that is certainly past."""

    offer: Offer
    left: Mapping[str, int | Unread | None]
    now: datetime

    @property
    def named(self) -> frozenset[str]:
        """The sessions that the live stock names."""
        return frozenset(self.left)

    @property
    def open(self) -> frozenset[str]:
        """Those of them that are not sold out."""
        return frozenset(each for each, left in self.left.items() if left != 0)

    @property
    def shape(self) -> tuple[object, ...]:
        """Of each ticket in the offer, whether it is for the whole day."""
        return tuple(ticket.date_access for ticket in self.offer.tickets)


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A timetable, and what was live when it was read; of that, which sessions had begun."""

    timetable: Timetable
    live: Live
    begun: frozenset[str]
    read_at: datetime

    @property
    def ids(self) -> frozenset[str]:
        """The ids of its sessions."""
        return self.timetable.session_ids

    def tells_as_much_as(self, other: "_Kept") -> bool:
        """Whether it is of the same offer, or of one whose sessions are the same."""
        if self.live.offer.id == other.live.offer.id:
            return True
        mine, theirs = ((k.ids, k.live.named, k.live.shape) for k in (self, other))
        return mine == theirs

    def fits(self, live: Live) -> bool:
        """Whether it still is the timetable of an offer, by what its live stock says now."""
        named = self.live.named
        gone, begun = named - live.named, self.timetable.begun(live.now)
        # A new session; one that is still to come and not sold any more; one that is sold though by
        # the kept time it began meanwhile: the issuer changed something.
        if live.named - self.ids - named or gone - begun or live.open & (begun - self.begun):
            return False
        if live.offer.id == self.live.offer.id:
            return True
        # That offers share their sessions is believed only where both name the same ones. The names
        # of tickets, which tell several sessions apart, may be those of the other offer.
        is_alike = bool(live.shape) and live.shape == self.live.shape
        is_clear = sum(flag is not True for flag in live.shape) <= 1
        return is_alike and is_clear and (bool(live.named) or not self.ids) and live.named <= named


@dataclass(frozen=True)
class Known:
    """An offer that was read before; `is_listed` while it still counts as it is listed."""

    offer: Offer
    is_listed: bool


class KeptOffers:
    """What was read of offers; the least used go first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offers: LRUCache[Place, tuple[Offer, datetime]] = LRUCache(MOST_OFFERS)
        self._times: LRUCache[Group, tuple[_Kept, ...]] = LRUCache(MOST_SESSIONS, getsizeof=_size)

    def note(self, catalog_id: str, offer: Offer, language: str) -> None:
        """Keep an offer as it was listed just now, if all that a quote needs of it is stated."""
        if offer.model_fields_set >= _STATED and isinstance(offer.realtime_price_required, bool):
            self._offers[catalog_id, offer.id, language] = offer, self._clock.now()

    def offer(self, place: Place) -> Known | None:
        """An offer that was read within the last day; None if it was not."""
        kept = self._offers.get(place)
        is_kept = kept is not None and self._is_young(kept[1], TIMES_SECONDS)
        measure(CACHE, cache="offers", hit="yes" if is_kept else "no")
        if kept is None or not is_kept:
            return None
        return Known(kept[0], self._is_young(kept[1], LISTED_SECONDS))

    def forget(self, place: Place) -> None:
        """Forget an offer that is gone."""
        self._offers.pop(place, None)

    def keep(self, group: Group, live: Live, timetable: Timetable) -> None:
        """Keep the timetable that was just read of an offer; one that is not whole is not kept."""
        if not timetable.is_whole:
            return
        read = _Kept(
            timetable=timetable,
            live=live,
            begun=timetable.begun(live.now),
            read_at=self._clock.now(),
        )
        kept = (read, *(k for k in self._young(group) if not read.tells_as_much_as(k)))
        self._times.pop(group, None)
        if _size(kept) <= MOST_SESSIONS:
            self._times[group] = kept

    def timetable(self, group: Group, live: Live) -> Timetable | None:
        """The timetable of an offer, unless its live stock speaks against it."""
        own = live.offer.id
        # Its own before those that others of its day share with it.
        found = sorted(self._young(group), key=lambda kept: kept.live.offer.id != own)
        return next((kept.timetable for kept in found if kept.fits(live)), None)

    def any_timetable(self, group: Group, session_id: str | None = None) -> Timetable | None:
        """A timetable of the offers of a base and day; with a session, one that has it."""
        found = (k for k in self._young(group) if session_id is None or session_id in k.ids)
        return next((kept.timetable for kept in found), None)

    def times(self, group: Group) -> Mapping[str, datetime]:
        """When the sessions of the offers of a base and day begin, by their ids."""
        sessions = (each for k in self._young(group) for each in k.timetable.every_session())
        return {s.id: s.starts_at for s in sessions if isinstance(s.starts_at, datetime)}

    def _young(self, group: Group) -> tuple[_Kept, ...]:
        kept = self._times.get(group, ())
        return tuple(each for each in kept if self._is_young(each.read_at, TIMES_SECONDS))

    def _is_young(self, read_at: datetime, seconds: float) -> bool:
        # By the time of day, which goes on while a machine sleeps; it may be put back, too.
        return abs((self._clock.now() - read_at).total_seconds()) < seconds


def group_of(place: Place, offer: Offer) -> Group:
    """The offers that may share sessions with an offer: itself alone if its base is unknown."""
    catalog_id, offer_id, language = place
    return catalog_id, id_at_end(offer.product_base) or offer_id, offer.date, language


def _beginning(session: SessionTime) -> float:
    """A sort key; sessions without a known beginning come last."""
    return session.starts_at.timestamp() if isinstance(session.starts_at, datetime) else math.inf


def _size(kept: tuple[_Kept, ...]) -> int:
    return sum(1 + len(each.ids) for each in kept)
