"""The judge finds what it is there to find."""

from dataclasses import replace

import pytest

from tests.crash.history import History, judged

GOOD = History(
    upstream=[("r1", "o1")],
    posts=["r1", "r2"],
    told=[("r1", "o1"), ("r2", None)],
    journal=[("r1", "final", "o1"), ("r2", "final", None)],
)


def test_a_good_history_is_clean() -> None:
    assert judged(GOOD).is_clean


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("double", replace(GOOD, posts=["r1", "r1", "r2"])),
        ("double", replace(GOOD, upstream=[("r1", "o1"), ("r1", "o2")])),
        ("lost", replace(GOOD, upstream=[("r1", "o1"), ("r2", "o2")])),
        ("lost", replace(GOOD, told=[("r1", None), ("r2", None)])),
        ("lost", replace(GOOD, told=[("r2", None)])),
        ("lost", replace(GOOD, journal=[("r1", "final", None), ("r2", "final", None)])),
        ("ghost", replace(GOOD, upstream=[])),
        ("ghost", replace(GOOD, told=[("r1", "o1"), ("r2", "o2")])),
        ("ghost", replace(GOOD, journal=[*GOOD.journal, ("r3", "final", "o3")])),
        ("stuck", replace(GOOD, journal=[("r1", "final", "o1"), ("r2", "sending", None)])),
    ],
)
def test_what_is_wrong_is_found(kind: str, bad: History) -> None:
    assert getattr(judged(bad), kind)
