"""No secret and nothing personal in log, spans, metrics, errors and journal; leaks are found."""

from pathlib import Path

import pytest

from tests.canaries.walk import SINKS, Left, walked

pytestmark = pytest.mark.anyio


async def test_nothing_secret_or_personal_is_left_anywhere(tmp_path: Path) -> None:
    left = await walked(tmp_path)
    assert set(left.canaries) >= {"token", "signature", "client secret", "journal key", "e-mail"}
    assert all(left.sinks.values()), "a sink that is empty proves nothing"
    assert left.hits() == set()


async def test_a_leak_into_each_sink_is_found(tmp_path: Path) -> None:
    left = await walked(tmp_path, "tests.canaries.leaking")
    assert {sink for sink, what in left.hits() if what == "e-mail"} == set(SINKS)


def test_values_are_found_as_they_are_and_percent_encoded() -> None:
    left = Left(sinks=dict.fromkeys(SINKS, b"customer=canary-7%40example.test"))
    assert left.hits() == {(sink, "e-mail") for sink in SINKS}
