"""Where a comparison takes place: a served sandbox that counts, and what a person wants there."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import httpx
from anyio.from_thread import start_blocking_portal
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.sandbox import Sandbox, SandboxOptions, ServedSandbox, served_sandbox
from korus_mcp.sandbox.operations import operation_named
from tests.journeys.upstream import CATALOG_READS

Json = dict[str, Any]
SEED: Final = 1
SELLER: Final = 6
"""Which of the catalogs, in the order of their list: the second of the generated ones."""
PAGE: Final = 50
SEASON: Final = timedelta(days=90)
SHOW: Final = "show"
"""The kind of event: one with several days, so that there is something to choose."""


@dataclass(frozen=True)
class Wish:
    """What a person says: which event, who sells it, and until when they want to go."""

    event: str
    seller: str
    until: date


@dataclass
class Seen:
    """Counts the requests that arrive, by operation."""

    requests: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        """All of them."""
        return self.requests.total()

    @property
    def reads(self) -> int:
        """Those that read the catalog, which korus-mcp does by itself."""
        return sum(n for name, n in self.requests.items() if name in CATALOG_READS)

    @property
    def others(self) -> int:
        """All but these."""
        return self.total - self.reads

    def around(self, app: ASGIApp) -> ASGIApp:
        """The same app, watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            operation = operation_named(scope["method"], scope["path"])
            self.requests[operation or "another"] += 1
            await app(scope, receive, send)

        return watched


@dataclass(frozen=True)
class World:
    """A sandbox on loopback; `token` is one of its API, as servers without a sign-in need it."""

    served: ServedSandbox
    seen: Seen
    token: str
    wish: Wish

    @property
    def sandbox(self) -> Sandbox:
        """The sandbox itself: its clock, faults and bookings."""
        return self.served.sandbox

    def secrets(self) -> Sequence[str]:
        """What no answer may show: the token, the client's secret, a signed address of a file."""
        return (self.token, self.sandbox.client_secret, "Signature=")


@contextmanager
def world(bases: int) -> Iterator[World]:
    """A world with so many generated product bases, served from a thread of this process."""
    seen = Seen()
    options = SandboxOptions(seed=SEED, bases=bases)
    serving = served_sandbox(options, around=seen.around)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving) as served:
        token = _token(served)
        headers = {"Authorization": f"Bearer {token}"}
        until = served.sandbox.clock.now().date() + SEASON
        with httpx.Client(base_url=served.api_url, headers=headers) as api:
            wish = _wish(api, until)
        seen.requests.clear()
        yield World(served, seen, token, wish)


def _token(served: ServedSandbox) -> str:
    form = {
        "grant_type": "client_credentials",
        "client_id": served.sandbox.client_id,
        "client_secret": served.sandbox.client_secret,
    }
    answer = httpx.post(served.environment["KORUS_TOKEN_URL"], data=form).raise_for_status()
    return str(answer.json()["access_token"])


def _wish(api: httpx.Client, until: date) -> Wish:
    """An event in the middle of its seller's list, where one stands on average.

    It is of a kind in every size: its stock is to be looked at beforehand, as that of every second
    one, and its price is that of the list, as that of six in seven.
    """
    catalog = _get(api, "/v1/ticketing/catalogs")["member"][SELLER]
    own = f"/v1/ticketing/catalogs/{catalog['id']}"
    bases = _all(api, f"{own}/product_bases")
    names = Counter(base["name"] for base in bases)
    for base in from_the_middle(bases):
        if names[base["name"]] > 1 or not _is_usual(api, own, base["id"], until):
            continue
        return Wish(base["name"], catalog["name"], until)
    raise LookupError("nothing in this catalog is like that")


def from_the_middle(bases: Sequence[Json]) -> Iterator[Json]:
    """All of a list, that in the middle first."""
    middle = len(bases) // 2
    yield from (bases[n] for n in sorted(range(len(bases)), key=lambda n: (abs(n - middle), n)))


def _is_usual(api: httpx.Client, own: str, base_id: str, until: date) -> bool:
    if _get(api, f"{own}/product_bases/{base_id}")["universe"] != SHOW:
        return False
    wanted = {"productBaseId": base_id, "date[before]": until.isoformat()}
    offers = _get(api, f"{own}/offers", **wanted)["member"]
    if not offers:
        return False
    first = offers[0]
    return bool(first["availabilityCheckRequired"]) and not first["realtimePriceRequired"]


def _all(api: httpx.Client, path: str) -> list[Json]:
    found: list[Json] = []
    page = 1
    while True:
        answer = _get(api, path, page=str(page), itemsPerPage=str(PAGE))
        found += answer["member"]
        if page * PAGE >= answer["totalItems"]:
            return found
        page += 1


def _get(api: httpx.Client, path: str, **query: str) -> Json:
    answer: Json = api.get(path, params=query).raise_for_status().json()
    return answer
