"""The scripts, a module a theme; importing them registers their journeys."""

from tests.journeys.journey import JOURNEYS, Journey
from tests.journeys.scripts import (  # noqa: F401 - imported to register
    after_the_order,
    agreeing,
    asked_by_the_host,
    booking,
    choosing_seats,
    finding,
    groups,
    limits,
    lost_answers,
    moving_prices,
    running_out,
)

__all__ = ["JOURNEYS", "Journey"]
