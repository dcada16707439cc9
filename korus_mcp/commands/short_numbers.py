"""Short numbers: 1, 2, 3 of the last list that was shown, for ids that nobody types.

They are kept in a private file of the user's, for each account and each sandbox. A new list of
products forgets the offers of the one before: a number never means something of an older list.
"""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

from platformdirs import user_cache_path

from korus_mcp.commands.screen import NotDone
from korus_mcp.foundation import private_files
from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.server.sandbox_home import world_path
from korus_mcp.settings import NAME, Settings

KEPT: Final = timedelta(hours=12)
"""So long a list counts: nobody remembers the one of yesterday."""
MOST: Final = 500
"""How many numbers a list has at most."""
MOST_BYTES: Final = 1_000_000
DIGITS: Final = 3
"""A number has so many at most; what has more is an id or a reference."""
FOLDER: Final = "terminal"
BEGINNING: Final = "numbers-"
ORDERED: Final = ""
"""In the place of the id of a reservation that was ordered: those behind it keep their numbers."""
_VERSION: Final = 1


class Kind(StrEnum):
    """What a list is of, by the word for one of them."""

    PRODUCT = "product"
    OFFER = "offer"
    SESSION = "session"
    RESERVATION = "reservation"
    HELD = "held reservation"
    """What the last `reserve` held and nobody ordered yet: what `order` takes without a number."""
    ORDER = "order"


SHOWN_BY: Final[Mapping[Kind, str]] = {
    Kind.PRODUCT: "search",
    Kind.OFFER: "offers",
    Kind.SESSION: "availability",
    Kind.RESERVATION: "reserve",
    Kind.HELD: "reserve",
    Kind.ORDER: "orders",
}
"""The command that shows such a list."""
_WITHIN: Final[Mapping[Kind, tuple[Kind, ...]]] = {
    Kind.PRODUCT: (Kind.OFFER, Kind.SESSION),
    Kind.OFFER: (Kind.SESSION,),
}
"""Lists that a new list of another kind makes void."""
OFFERS: Final = "offers"
"""In `more` of a list of sessions: the ids of the offers they are of."""
MAP_OF: Final = "map of"
"""In `more` of a list of offers: whose seat map showed them, as the person typed the product."""


@dataclass(frozen=True)
class _List:
    """The ids of a list, when it was shown, and with which arguments the tool goes on with it."""

    at: datetime
    ids: tuple[str, ...]
    more: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, kept: Any) -> Self:
        """A list as it is kept.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        at = datetime.fromisoformat(kept["at"])
        if at.tzinfo is None:
            raise ValueError("a time without its zone")
        return cls(at, tuple(map(str, kept["ids"])), dict(kept["more"]))


class ShortNumbers:
    """The lists that were shown of one account. `path` is None for a user without a home."""

    def __init__(self, path: Path | None, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._lists = dict[Kind, _List]()
        self.why_not_kept: str | None = None
        """Why the next command will not know the numbers, in words."""
        if path is None:
            self.why_not_kept = "this user has no home folder"
        else:
            self._lists = _read(path)

    @classmethod
    def of(cls, settings: Settings, clock: Clock | None = None) -> Self:
        """The numbers of these settings' account."""
        folder = terminal_folder(settings)
        # Ids of one sandbox mean nothing in another one.
        world = str(world_path(settings)) if settings.embedded else ""
        name = f"{BEGINNING}{settings.account.key(world)}.json"
        return cls(folder and folder / name, clock or SystemClock())

    def begin(self, kind: Kind, ids: Sequence[str], more: Mapping[str, Any] | None = None) -> int:
        """A list that was shown anew, and its first number. `more`: see `rest`."""
        for within in _WITHIN.get(kind, ()):
            if not self._is_of(self._lists.get(within), ids):
                self._lists.pop(within, None)
        self._lists[kind] = _List(self._clock.now(), tuple(ids[:MOST]), more or {})
        self._write()
        return 1

    def go_on(self, kind: Kind, ids: Sequence[str], more: Mapping[str, Any] | None = None) -> int:
        """What was shown behind a list, and the number of the first of them."""
        before = self._lists.get(kind)
        if before is None or self._is_old(before):
            return self.begin(kind, ids, more)
        room = max(0, MOST - len(before.ids))
        kept = before.more if more is None else more
        self._lists[kind] = replace(before, ids=(*before.ids, *ids[:room]), more=kept)
        self._write()
        return len(before.ids) + 1

    def hold(self, ids: Sequence[str]) -> int:
        """What was held just now, and the number of the first: behind what was held before, as
        long as some of that is not ordered. What an equal call answers again keeps its numbers.
        """
        before = self._lists.get(Kind.RESERVATION)
        is_over = before is None or self._is_old(before) or not any(before.ids)
        earlier = () if before is None or is_over else before.ids
        for at in range(len(earlier) - len(ids) + 1):
            if earlier[at : at + len(ids)] == tuple(ids):
                self.begin(Kind.HELD, ids)
                return at + 1
        if len(earlier) + len(ids) > MOST:
            earlier = ()
        # A hold made a moment ago is not to be forgotten with the first one of the list.
        self.begin(Kind.RESERVATION, [*earlier, *ids])
        self.begin(Kind.HELD, ids)
        return len(earlier) + 1

    def held_before(self) -> Mapping[int, str]:
        """Reservations that were held before the last `reserve` and not ordered here, by number."""
        last = self._lists.get(Kind.HELD)
        ids = enumerate(self.all_of(Kind.RESERVATION), 1)
        return {n: each for n, each in ids if each and (last is None or each not in last.ids)}

    def order(self, ids: Sequence[str]) -> None:
        """These reservations were ordered: nothing holds them any more."""
        for kind in (Kind.RESERVATION, Kind.HELD):
            if (found := self._lists.get(kind)) is not None:
                left = tuple(ORDERED if each in ids else each for each in found.ids)
                self._lists[kind] = replace(found, ids=left)
        self._write()

    def id_of(self, kind: Kind, text: str) -> str:
        """The id that a number stands for; any other text is an id already.

        Raises:
            NotDone: there is no such number, or its list is too old.
        """
        if not (text.isascii() and text.isdigit() and len(text) <= DIGITS):
            return text
        ids = self.all_of(kind)
        number = int(text)
        if 0 < number <= len(ids):
            if ids[number - 1] == ORDERED:
                raise NotDone(
                    f"The {kind} {number} was ordered: `korus-mcp orders` shows the order."
                )
            return ids[number - 1]
        had = f"has numbers from 1 to {len(ids)}" if ids else "is empty"
        raise NotDone(f"There is no {kind} {number}: the last list of {kind}s {had}.")

    def all_of(self, kind: Kind) -> tuple[str, ...]:
        """The ids of the last list.

        Raises:
            NotDone: none was shown, or it is too old.
        """
        found, shows = self._lists.get(kind), f"`korus-mcp {SHOWN_BY[kind]}` shows one."
        if found is None:
            # The person may well have seen such a list, which a newer one made void.
            newer = [each for each, within in _WITHIN.items() if kind in within]
            newer = [each for each in newer if each in self._lists]
            when = f"since the last list of {newer[-1]}s" if newer else "before this"
            raise NotDone(f"No list of {kind}s was shown {when}: {shows}")
        if self._is_old(found):
            hours = KEPT // timedelta(hours=1)
            raise NotDone(f"The last list of {kind}s is more than {hours} hours old: {shows}")
        return found.ids

    def rest(self, kind: Kind) -> Mapping[str, Any]:
        """With which arguments the last list goes on.

        Raises:
            NotDone: it does not, or there is none.
        """
        self.all_of(kind)
        more = self._lists[kind].more
        if (product := more.get(MAP_OF)) is not None:
            raise NotDone(
                "The last list of offers is that of `korus-mcp seats`, which does not go on: "
                f"`korus-mcp offers {product}` lists all days and prices anew."
            )
        if not more:
            raise NotDone(f"The last list of {kind}s was shown to its end.")
        return more

    def _is_of(self, sessions: _List | None, offers: Sequence[str]) -> bool:
        """Whether a list of sessions is of one of these offers, and so goes on to count."""
        return sessions is not None and not {*offers}.isdisjoint(sessions.more.get(OFFERS, ()))

    def _is_old(self, found: _List) -> bool:
        age = self._clock.now() - found.at
        return not timedelta(0) <= age <= KEPT

    def _write(self) -> None:
        if self._path is None:
            return
        lists = {
            kind: {"at": each.at.isoformat(), "ids": each.ids, "more": each.more}
            for kind, each in self._lists.items()
        }
        text = json.dumps({"version": _VERSION, "lists": lists})
        # Under a name of its own first: another command may be reading the file.
        new = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        try:
            private_files.private_folder(self._path.parent, ours=BEGINNING, is_read_again=True)
            with suppress(FileNotFoundError):
                new.unlink()
            private_files.write_new(new, text.encode())
            new.replace(self._path)
        except OSError as error:
            self.why_not_kept = f"{self._path.parent} cannot be written ({type(error).__name__})"


def terminal_folder(settings: Settings) -> Path | None:
    """The folder of files that commands at a terminal keep; None for a user without a home."""
    cache = settings.cache_dir or private_files.user_folder(partial(user_cache_path, NAME))
    return cache and cache / FOLDER


def _read(path: Path) -> dict[Kind, _List]:
    """The lists in a file; none where it is missing, or not what this version writes."""
    try:
        # Where others may write, a number could be made to mean what they want to be bought.
        if not path.exists():
            return {}
        private_files.private_folder(path.parent, ours=BEGINNING, is_read_again=True)
        with path.open("rb") as file:
            kept = json.loads(file.read(MOST_BYTES))
        if kept["version"] != _VERSION:
            return {}
        return {Kind(kind): _List.read(each) for kind, each in kept["lists"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
