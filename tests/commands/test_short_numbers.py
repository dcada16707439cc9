"""Short numbers: what they stand for, and when they stand for nothing."""

from datetime import timedelta
from pathlib import Path

import pytest

from korus_mcp.commands.screen import NotDone
from korus_mcp.commands.short_numbers import KEPT, OFFERS, Kind, ShortNumbers
from korus_mcp.foundation.clock import ManualClock
from korus_mcp.settings import Settings, read_settings


def settings_in(folder: Path, **given: str) -> Settings:
    own = {"KORUS_CACHE_DIR": str(folder / "cache"), "KORUS_SANDBOX_DIR": str(folder / "sandbox")}
    return read_settings(own | {f"KORUS_{name}": value for name, value in given.items()})


def file_in(folder: Path) -> Path:
    (file,) = (folder / "cache" / "terminal").iterdir()
    return file


def test_a_number_is_of_the_last_list_and_kept_for_the_next_command(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), ManualClock()
    ShortNumbers.of(settings, clock).begin(Kind.OFFER, ["a", "b"])
    ShortNumbers.of(settings, clock).begin(Kind.OFFER, ["c", "d", "e"], {"cursor": "x"})
    numbers = ShortNumbers.of(settings, clock)
    assert numbers.id_of(Kind.OFFER, "3") == "e"
    assert numbers.rest(Kind.OFFER) == {"cursor": "x"}
    assert numbers.go_on(Kind.OFFER, ["f"], {}) == 4
    assert ShortNumbers.of(settings, clock).id_of(Kind.OFFER, "4") == "f"
    with pytest.raises(NotDone, match="to its end"):
        numbers.rest(Kind.OFFER)
    assert file_in(tmp_path).stat().st_mode & 0o077 == 0


def test_sessions_go_on_to_count_while_a_list_has_an_offer_of_theirs(tmp_path: Path) -> None:
    numbers = ShortNumbers.of(settings_in(tmp_path))
    numbers.begin(Kind.OFFER, ["a", "b"])
    numbers.begin(Kind.SESSION, ["s"], {OFFERS: ["b"]})
    numbers.begin(Kind.OFFER, ["b", "c"])
    assert numbers.id_of(Kind.SESSION, "1") == "s"
    numbers.begin(Kind.OFFER, ["c"])
    with pytest.raises(NotDone, match=r"No list of sessions was shown since the last list of off"):
        numbers.id_of(Kind.SESSION, "1")


def test_holds_keep_their_numbers_until_all_of_them_are_ordered(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), ManualClock()
    numbers = ShortNumbers.of(settings, clock)
    assert numbers.hold(["a", "b"]) == 1
    clock.advance(KEPT.total_seconds())
    assert numbers.hold(["c"]) == 3
    # The last hold is young, whenever the first was made.
    clock.advance(1)
    numbers = ShortNumbers.of(settings, clock)
    assert numbers.held_before() == {1: "a", 2: "b"}
    assert numbers.all_of(Kind.HELD) == ("c",)
    numbers.order(["a"])
    numbers = ShortNumbers.of(settings, clock)
    assert numbers.held_before() == {2: "b"}
    assert numbers.id_of(Kind.RESERVATION, "3") == "c"
    with pytest.raises(NotDone, match="`korus-mcp orders`"):
        numbers.id_of(Kind.RESERVATION, "1")
    numbers.order(["b", "c"])
    assert numbers.hold(["d"]) == 1


def test_a_hold_that_is_answered_again_keeps_its_number(tmp_path: Path) -> None:
    numbers = ShortNumbers.of(settings_in(tmp_path), ManualClock())
    assert numbers.hold(["a", "b"]) == 1
    assert numbers.hold(["c"]) == 3
    assert numbers.hold(["a", "b"]) == 1
    assert numbers.all_of(Kind.HELD) == ("a", "b")
    assert numbers.all_of(Kind.RESERVATION) == ("a", "b", "c")
    assert numbers.held_before() == {3: "c"}


@pytest.mark.parametrize("text", ["k3f7qa.0194ac3f", "KT-ORD-100001", "1000", "-1", "٣", ""])
def test_what_is_no_short_number_is_an_id_as_it_is(text: str, tmp_path: Path) -> None:
    assert ShortNumbers.of(settings_in(tmp_path)).id_of(Kind.ORDER, text) == text


def test_a_number_that_was_not_shown_or_is_too_old_is_refused(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), ManualClock()
    numbers = ShortNumbers.of(settings, clock)
    with pytest.raises(NotDone, match=r"No list of offers.*`korus-mcp offers`"):
        numbers.id_of(Kind.OFFER, "1")
    numbers.begin(Kind.OFFER, ["a", "b"])
    for wrong in ("0", "3", "999"):
        with pytest.raises(NotDone, match="from 1 to 2"):
            numbers.id_of(Kind.OFFER, wrong)
    clock.advance(KEPT.total_seconds())
    assert numbers.id_of(Kind.OFFER, "1") == "a"
    clock.advance(1)
    with pytest.raises(NotDone, match="12 hours old"):
        ShortNumbers.of(settings, clock).id_of(Kind.OFFER, "1")


def test_a_clock_that_was_set_back_makes_no_list_young(tmp_path: Path) -> None:
    settings, clock = settings_in(tmp_path), ManualClock()
    later = ManualClock(clock.now() + timedelta(hours=1))
    ShortNumbers.of(settings, later).begin(Kind.OFFER, ["a"])
    with pytest.raises(NotDone):
        ShortNumbers.of(settings, clock).id_of(Kind.OFFER, "1")


def test_a_new_list_forgets_what_was_shown_of_the_one_before(tmp_path: Path) -> None:
    numbers = ShortNumbers.of(settings_in(tmp_path))
    for kind in Kind:
        numbers.begin(kind, ["of before"])
    numbers.begin(Kind.PRODUCT, ["a", "b"])
    for kind in (Kind.OFFER, Kind.SESSION):
        with pytest.raises(NotDone, match="No list"):
            numbers.id_of(kind, "1")
    assert numbers.id_of(Kind.RESERVATION, "1") == "of before"


def test_each_account_and_each_sandbox_has_numbers_of_its_own(tmp_path: Path) -> None:
    ShortNumbers.of(settings_in(tmp_path)).begin(Kind.OFFER, ["a"])
    for other in (
        settings_in(tmp_path, SANDBOX_SEED="3"),
        settings_in(
            tmp_path,
            ENVIRONMENT="demo",
            CLIENT_ID="shop",
            CLIENT_SECRET="x",
            TOKEN_URL="https://id.example.org/token",
        ),
    ):
        with pytest.raises(NotDone):
            ShortNumbers.of(other).id_of(Kind.OFFER, "1")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"version": 9}', '{"version": 1, "lists": 4}'])
def test_a_file_that_cannot_be_read_is_no_list(text: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    ShortNumbers.of(settings).begin(Kind.OFFER, ["a"])
    file_in(tmp_path).write_text(text)
    numbers = ShortNumbers.of(settings)
    with pytest.raises(NotDone, match="No list"):
        numbers.id_of(Kind.OFFER, "1")
    numbers.begin(Kind.OFFER, ["b"])
    assert ShortNumbers.of(settings).id_of(Kind.OFFER, "1") == "b"


def test_what_others_could_have_written_is_not_believed(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    ShortNumbers.of(settings).begin(Kind.OFFER, ["a"])
    folder = file_in(tmp_path).parent
    (folder / "of another program").touch()
    folder.chmod(0o777)
    numbers = ShortNumbers.of(settings)
    with pytest.raises(NotDone):
        numbers.id_of(Kind.OFFER, "1")
    numbers.begin(Kind.OFFER, ["a"])
    assert numbers.why_not_kept is not None


def test_numbers_that_cannot_be_kept_are_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    numbers = ShortNumbers.of(settings_in(tmp_path))
    assert numbers.begin(Kind.OFFER, ["a"]) == 1
    assert "cannot be written" in (numbers.why_not_kept or "")
