"""What this process sent, whatever the journal says.

A database may go back in time: a standby that lagged takes over, or a dump is restored. Then the
row that kept a reservation from being ordered twice is gone while the request is on its way. So a
process remembers each order that it sends, from before the first byte to its fence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from korus_mcp.booking.ports import ApiClock, surely_past
from korus_mcp.journal.records import Intent, ReservationFacts


@dataclass
class SentHere:
    """The order calls that this process sent, until nothing can come of them any more."""

    clock: ApiClock
    _intents: dict[str, Intent] = field(default_factory=dict)
    _claims: dict[str, str] = field(default_factory=dict)
    """Reservation id -> the id of the intent that was sent for it."""

    def note(self, intent: Intent) -> None:
        """Remember an intent as it is known now; one that certainly made nothing is forgotten."""
        # Two for each that is added: so all of them have their turn, and no call waits for many.
        for oldest in list(islice(self._intents, 2)):
            each = self._intents.pop(oldest)
            if each.fence_at > surely_past(self.clock):
                self._keep(each)
            else:
                self._forget(each)
        self._forget(self._intents.pop(intent.id, intent))
        if set(intent.freed) != set(intent.reservation_ids):
            self._keep(replace(intent, is_leased=False))

    def in_the_way_of(self, intent: Intent) -> Intent | None:
        """Another intent that was sent for one of its reservations, and may have ordered it."""
        found = (self._claiming(each) for each in intent.reservation_ids)
        return next((i for i in found if i is not None and i.id != intent.id), None)

    def newest(self, intent_id: str, stored: Intent | None) -> Intent | None:
        """An intent as the journal has it, or as it is remembered, where the journal lost that."""
        known = self._intents.get(intent_id)
        return known if known is not None and known.outlived(stored) else stored

    def among(
        self, reservation_ids: Sequence[str], holders: Mapping[str, Intent]
    ) -> Mapping[str, Intent]:
        """The `holders` that the journal has for these reservations, and those that it lost."""
        return {i: h for i in reservation_ids if (h := self._holder(i, holders.get(i))) is not None}

    def added_to(self, facts: ReservationFacts, reservation_ids: Sequence[str]) -> ReservationFacts:
        """What the journal knows of these reservations, and what it lost."""
        lost = [i for i in reservation_ids if i not in facts.owners]
        owners = {i: sent.owner for i in lost if (sent := self._claiming(i)) is not None}
        holders = self.among(reservation_ids, facts.holders)
        return replace(facts, owners={**facts.owners, **owners}, holders=holders)

    def remembered(self) -> Sequence[Intent]:
        """All that is remembered."""
        return list(self._intents.values())

    def may_be_ordered(self, owner: str, reservation_ids: Iterable[str]) -> bool:
        """Whether one of these was sent for this owner, and what became of it is not known."""
        found = (self._claiming(each) for each in reservation_ids)
        wanted = set(reservation_ids)
        return any(i is not None and i.owner == owner and wanted & {*i.missing} for i in found)

    def _holder(self, reservation_id: str, stored: Intent | None) -> Intent | None:
        known = self._claiming(reservation_id)
        if known is None:
            return stored
        is_same = stored is not None and stored.id == known.id
        return known if known.outlived(stored if is_same else None) else stored

    def _claiming(self, reservation_id: str) -> Intent | None:
        intent = self._intents.get(self._claims.get(reservation_id, ""))
        is_over = intent is not None and intent.fence_at <= surely_past(self.clock)
        return None if is_over else intent

    def _keep(self, intent: Intent) -> None:
        self._intents[intent.id] = intent
        claimed = (i for i in intent.reservation_ids if i not in intent.freed)
        self._claims.update(dict.fromkeys(claimed, intent.id))

    def _forget(self, intent: Intent) -> None:
        for each in intent.reservation_ids:
            if self._claims.get(each) == intent.id:
                del self._claims[each]
