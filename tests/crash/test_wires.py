"""Whatever a gateway does to an order request, nothing is doubled and nothing is lost."""

from pathlib import Path

import pytest

from tests.crash.proxy import Fault
from tests.crash.wires import broken

pytestmark = pytest.mark.anyio
ORDERS = 4
"""A sample of `make fault-test`."""


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.value[0])
async def test_no_wire_doubles_or_loses_an_order(fault: Fault, tmp_path: Path) -> None:
    outcome = await broken(fault, ORDERS, tmp_path)
    assert outcome.struck == ORDERS
    assert outcome.orders == (ORDERS if fault.makes_orders else 0)
    assert outcome.judgement.is_clean, outcome.judgement
