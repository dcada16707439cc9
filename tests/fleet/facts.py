"""What people were told and what upstream has: who saw something of somebody else?

Plain facts of the sandbox are compared. Orders, and what the journal says of them, are judged by
`tests.crash.history`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from korus_mcp.sandbox import OrderRecord

_PRIVATE: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|KT-ORD-[0-9]+")
"""Ids of all kinds, of which `Seen.wrong` knows whose they are, and references of orders."""


@dataclass
class Seen:
    """What each person, by their address, has read in answers."""

    ids: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    held: dict[str, str] = field(default_factory=dict)
    """A reservation, and who was told first of it."""
    wrong: list[str] = field(default_factory=list)

    def read(self, reader: str, text: str, *, others: Iterable[str], asked: Set[str]) -> None:
        """Note what stands in an answer but for the ids that were `asked` for.

        `others` are the addresses of other people, which nobody reads.
        """
        self.ids[reader] |= set(_PRIVATE.findall(text)) - asked
        self.wrong += [f"{reader} read {other}" for other in others if other in text]

    def all_wrong(self, orders: Iterable[OrderRecord]) -> list[str]:
        """Everything that somebody read and that is somebody else's."""
        owners = self._owners(orders)
        return self.wrong + [
            f"{reader} read {each} of {owners[each]}"
            for reader, ids in self.ids.items()
            for each in sorted(ids & owners.keys())
            if owners[each] != reader
        ]

    def _owners(self, orders: Iterable[OrderRecord]) -> Mapping[str, str]:
        owners = dict(self.held)
        for order in orders:
            ids = (order.id, order.reference, order.item_id)
            for each in (*ids, *order.reservation_ids, *order.ticket_ids, *order.document_ids):
                owners[each] = str(order.customer["email"])
        return owners
