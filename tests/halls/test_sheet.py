"""The contact sheet shows what is drawn today."""

from tests.halls.generator import hall_of
from tests.halls.kinds import KINDS
from tests.halls.sheet import FIRST, LARGEST, PLACE, contact_sheet, looks_like


def test_the_sheet_is_small_has_all_kinds_and_shows_halls_as_they_are_drawn() -> None:
    kept = PLACE.read_bytes()
    assert len(kept) <= LARGEST
    assert {hall_of(FIRST + place).kind for place in range(len(KINDS))} == set(KINDS)
    assert looks_like(contact_sheet(), kept), "look at it, and run `make readme`"
