"""Controls a served sandbox over HTTP: its clock, faults and state, with a token of its own."""

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import get_args

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.sandbox import faults
from korus_mcp.sandbox.app import Sandbox

PREFIX = "/_control"
# By their names in snake case: "not_an_object" is NotAnObject.
_ACTIONS: Mapping[str, Callable[..., faults.Action]] = {
    re.sub("(?<!^)(?=[A-Z])", "_", each.__name__).lower(): each for each in get_args(faults.Action)
}
# The fields of all actions, each with a check of its values.
_FITS: Mapping[str, Callable[[object], bool]] = {
    "status": lambda value: isinstance(value, int) and 400 <= value <= 599,
    "seconds": lambda value: isinstance(value, int | float) and value >= 0,
    "body": lambda value: value in ("html", "empty", "problem"),
    "retry_after": lambda value: isinstance(value, str),
}
_Fields = Mapping[str, object]


class _Mistake(Exception):
    """The request is wrong."""


@dataclass(eq=False, slots=True)
class _Wish:
    """A control request: the id in the path, if any, and the fields of the body."""

    sandbox: Sandbox
    id: str
    fields: _Fields

    @property
    def quantity(self) -> int | None:
        """A stock to set; None lifts the limit.

        Raises:
            _Mistake: It is missing, or no number.
        """
        quantity = self.fields.get("quantity", -1)
        if not isinstance(quantity, int | None) or (quantity is not None and quantity < 0):
            raise _Mistake("quantity must be a whole number, 0 or more, or null for no limit")
        return quantity


def with_control(sandbox: Sandbox, token: str) -> ASGIApp:
    """The sandbox's app plus `/_control/...`, for callers that know the token."""
    panel = Starlette(
        routes=[
            Route(PREFIX + path, _guarded(sandbox, token, lever), methods=[method])
            for (method, path), lever in _LEVERS.items()
        ],
        exception_handlers={HTTPException: _no_such_lever},
    )

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_control = scope["type"] == "http" and scope["path"].startswith(PREFIX + "/")
        # Outside of the sandbox's own app: no fault applies here, and no request is recorded.
        await (panel if is_control else sandbox.app)(scope, receive, send)

    return app


def _guarded(
    sandbox: Sandbox, token: str, lever: Callable[[_Wish], _Fields]
) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            return _error(401, "the control token is missing or wrong")
        try:
            wish = _Wish(sandbox, request.path_params.get("id", ""), await _fields(request))
            return _json(lever(wish))
        except KeyError as missing:
            return _error(404, f"nothing has the id {missing.args[0]}")
        except _Mistake as mistake:
            return _error(400, str(mistake))

    return answered


def _state(wish: _Wish) -> _Fields:
    sandbox = wish.sandbox
    return {
        "now": sandbox.clock.now(),
        "landmarks": dict(sandbox.landmarks),
        "reservations": [asdict(each) for each in sandbox.reservations()],
        "orders": [asdict(each) for each in sandbox.orders()],
        "requests": len(sandbox.requests),
        "faults": [repr(rule) for rule in sandbox.faults.rules],
    }


def _advance(wish: _Wish) -> _Fields:
    # Forward only: an expired hold must not come back.
    seconds = wish.fields.get("advance_seconds")
    if not isinstance(seconds, int | float) or seconds < 0:
        raise _Mistake("advance_seconds must be a number, 0 or more")
    wish.sandbox.clock.advance(seconds)
    return {"now": wish.sandbox.clock.now()}


def _add_fault(wish: _Wish) -> _Fields:
    options = dict(wish.fields)
    operation, issuer = str(options.pop("operation", "*")), options.pop("issuer", None)
    times, kind = options.pop("times", 1), options.pop("action", None)
    if not isinstance(kind, str) or kind not in _ACTIONS:
        raise _Mistake(f"action must be one of {', '.join(sorted(_ACTIONS))}")
    if not isinstance(times, int | None) or not isinstance(issuer, str | None):
        raise _Mistake("times must be a whole number or null, issuer a key or null")
    wrong = [name for name in options if name not in _FITS or not _FITS[name](options[name])]
    if wrong:
        raise _Mistake(f"not understood: {', '.join(wrong)}")
    # The action itself refuses fields of other actions.
    try:
        action = _ACTIONS[kind](**options)
    except TypeError as error:
        raise _Mistake(str(error)) from None
    wish.sandbox.faults.add(action, operation, times=times, issuer=issuer)
    return {"rules": len(wish.sandbox.faults.rules)}


def _clear_faults(wish: _Wish) -> _Fields:
    wish.sandbox.faults.clear()
    return {"rules": 0}


def _set_price(wish: _Wish) -> _Fields:
    try:
        amount = Decimal(str(wish.fields.get("amount")))
    except InvalidOperation:
        raise _Mistake('amount must be a decimal as text, such as "12.00"') from None
    wish.sandbox.set_price(wish.id, amount)
    return {"amount": str(amount)}


def _set_stock(wish: _Wish) -> _Fields:
    wish.sandbox.set_stock(wish.id, wish.quantity)
    return {"quantity": wish.quantity}


def _set_session_stock(wish: _Wish) -> _Fields:
    wish.sandbox.set_session_stock(wish.id, wish.quantity)
    return {"quantity": wish.quantity}


def _cancel_order(wish: _Wish) -> _Fields:
    wish.sandbox.cancel_order(wish.id)
    return {"cancelled": wish.id}


def _release(wish: _Wish) -> _Fields:
    wish.sandbox.release_reservation(wish.id)
    return {"released": wish.id}


_LEVERS = {
    ("GET", "/state"): _state,
    ("POST", "/clock"): _advance,
    ("POST", "/faults"): _add_fault,
    ("DELETE", "/faults"): _clear_faults,
    ("POST", "/offers/{id}/price"): _set_price,
    ("POST", "/offers/{id}/stock"): _set_stock,
    ("POST", "/sessions/{id}/stock"): _set_session_stock,
    ("POST", "/orders/{id}/cancel"): _cancel_order,
    ("POST", "/reservations/{id}/release"): _release,
}


async def _no_such_lever(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return _error(error.status_code, error.detail)


async def _fields(request: Request) -> _Fields:
    try:
        fields = await request.json() if await request.body() else {}
    except ValueError:
        raise _Mistake("the body is not JSON") from None
    if not isinstance(fields, dict):
        raise _Mistake("the body must be a JSON object")
    return fields


def _error(status: int, message: str) -> Response:
    return _json({"error": message}, status)


def _json(fields: _Fields, status: int = 200) -> Response:
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), default=_text)
    return Response(text, status_code=status, media_type="application/json")


def _text(value: object) -> str:
    """A moment, a day or an amount as text."""
    return value.isoformat() if isinstance(value, date) else str(value)
