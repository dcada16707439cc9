"""A KorusApi whose network is a respx router, and whose clock moves only when told."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import respx

from korus_mcp.api import ApiConfig, KorusApi
from korus_mcp.foundation.clock import ManualClock

API = "https://api.example.test"
TOKEN = "https://auth.example.test/realms/korusticket/token"
DOCUMENTS = "https://documents.example.test"
EXAMPLES = Path(__file__).parents[1] / "examples"

CATALOGS = f"{API}/v1/ticketing/catalogs"
ORDERS_BULK = f"{API}/v1/booking/orders/_bulk"
RESERVATIONS_BULK = f"{API}/v1/booking/reservations/_bulk"


def config(**changes: Any) -> ApiConfig:
    settings: dict[str, Any] = {
        "api_url": API,
        "token_url": TOKEN,
        "client_id": "shop",
        "client_secret": "canary-secret",
        "document_hosts": frozenset({"documents.example.test"}),
    }
    return ApiConfig(**(settings | changes))


class Net:
    """The router, the clock and the client over it; tokens are given unless told otherwise."""

    def __init__(self, **changes: Any) -> None:
        self.router = respx.Router(assert_all_called=False)
        self.clock = ManualClock()
        self.answers: list[tuple[str, Any]] = []
        self.tokens = self.router.post(TOKEN, name="token")
        self.tokens.side_effect = self._token
        self.tokens_given = 0
        self.api = KorusApi(
            config(**changes),
            clock=self.clock,
            transport=httpx.MockTransport(self.router.async_handler),
            on_answer=lambda operation, body: self.answers.append((operation, body)),
        )

    def _token(self, request: httpx.Request) -> httpx.Response:
        self.tokens_given += 1
        return httpx.Response(200, json=token_body(f"canary-token-{self.tokens_given}"))

    def get(self, path: str, *results: Any) -> respx.Route:
        """Answer the GETs of a path in turn; the last answer stays."""
        return self._answer(self.router.get(API + path), results)

    def post(self, path: str, *results: Any) -> respx.Route:
        return self._answer(self.router.post(API + path), results)

    def patch(self, path: str, *results: Any) -> respx.Route:
        return self._answer(self.router.patch(API + path), results)

    def _answer(self, route: respx.Route, results: tuple[Any, ...]) -> respx.Route:
        route.side_effect = in_turn(results)
        return route


def in_turn(results: tuple[Any, ...]) -> Any:
    """One result per call: a response is copied, an exception raised, a dict becomes JSON."""
    left = list(results)

    def effect(request: httpx.Request) -> httpx.Response:
        result = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(result, dict):
            return httpx.Response(200, json=result)
        if isinstance(result, httpx.Response):
            return httpx.Response(
                result.status_code, headers=result.headers, content=result.content
            )
        if isinstance(result, type) and issubclass(result, httpx.RequestError):
            raise result("canary in the message", request=request)
        if isinstance(result, BaseException):
            raise result
        assert isinstance(result, RawAnswer), result
        return result.response()

    return effect


class RawAnswer:
    """A response whose body bytes are sent as they are, in the given pieces."""

    def __init__(self, *pieces: bytes, status: int = 200, **headers: str) -> None:
        self.pieces, self.status = pieces, status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.taken = 0

    def response(self) -> httpx.Response:
        return httpx.Response(self.status, headers=self.headers, stream=_Pieces(self))


class _Pieces(httpx.AsyncByteStream):
    def __init__(self, answer: RawAnswer) -> None:
        self._answer = answer

    async def __aiter__(self) -> Any:
        for piece in self._answer.pieces:
            self._answer.taken += 1
            yield piece


def token_body(value: str = "canary-token", expires_in: object = 1800) -> dict[str, object]:
    return {"access_token": value, "expires_in": expires_in, "token_type": "Bearer"}


def collection(ids: Iterable[str], total: object = None) -> dict[str, object]:
    body: dict[str, object] = {"@type": "Collection", "member": [{"id": each} for each in ids]}
    return body if total is None else body | {"totalItems": total}


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / name).read_text("utf-8"))
    return found
