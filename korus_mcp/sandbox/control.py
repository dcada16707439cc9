"""Steering a served sandbox over HTTP: clock, faults and state, with a token of its own."""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from datetime import date
from decimal import Decimal, InvalidOperation

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from korus_mcp.sandbox.app import Sandbox
from korus_mcp.sandbox.faults import (
    Action,
    Answer,
    Delay,
    DropAfter,
    DropBefore,
    NotAnObject,
    Oversize,
    Truncate,
)

PREFIX = "/_control"
_ACTIONS: Mapping[str, Callable[..., Action]] = {
    "answer": Answer,
    "delay": Delay,
    "truncate": Truncate,
    "oversize": Oversize,
    "not_an_object": NotAnObject,
    "drop_before": DropBefore,
    "drop_after": DropAfter,
}
_Fields = Mapping[str, object]


class _Mistake(Exception):
    """The request cannot be followed."""


def with_control(sandbox: Sandbox, token: str) -> ASGIApp:
    """The sandbox's app plus `/_control/...`, for callers that know the token."""
    panel = _Panel(sandbox, token).app()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        is_control = scope["type"] == "http" and scope["path"].startswith(PREFIX + "/")
        await (panel if is_control else sandbox.app)(scope, receive, send)

    return app


class _Panel:
    def __init__(self, sandbox: Sandbox, token: str) -> None:
        self._sandbox = sandbox
        self._token = token

    def app(self) -> ASGIApp:
        def route(path: str, work: Callable[[Request, _Fields], _Fields], *methods: str) -> Route:
            return Route(PREFIX + path, self._guarded(work), methods=list(methods))

        return Starlette(
            routes=[
                route("/state", self._state, "GET"),
                route("/clock", self._advance, "POST"),
                route("/faults", self._add_fault, "POST"),
                route("/faults", self._clear_faults, "DELETE"),
                route("/offers/{id}/price", self._set_price, "POST"),
                route("/offers/{id}/stock", self._set_stock, "POST"),
                route("/sessions/{id}/stock", self._set_session_stock, "POST"),
                route("/orders/{id}/cancel", self._cancel_order, "POST"),
                route("/reservations/{id}/release", self._release, "POST"),
            ],
            exception_handlers={HTTPException: _no_such_lever},
        )

    def _guarded(
        self, work: Callable[[Request, _Fields], _Fields]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answered(request: Request) -> Response:
            given = request.headers.get("authorization", "").encode()
            if not hmac.compare_digest(given, f"Bearer {self._token}".encode()):
                return _error(401, "the control token is missing or wrong")
            try:
                return _json(200, work(request, await _fields(request)))
            except KeyError as missing:
                return _error(404, f"nothing has the id {missing.args[0]}")
            except _Mistake as mistake:
                return _error(400, str(mistake))

        return answered

    def _state(self, request: Request, fields: _Fields) -> _Fields:
        del request, fields
        return {
            "now": self._sandbox.clock.now(),
            "landmarks": dict(self._sandbox.landmarks),
            "reservations": [asdict(each) for each in self._sandbox.reservations()],
            "orders": [asdict(each) for each in self._sandbox.orders()],
            "requests": len(self._sandbox.requests),
            "faults": [repr(rule) for rule in self._sandbox.faults.rules],
        }

    def _advance(self, request: Request, fields: _Fields) -> _Fields:
        del request
        seconds = fields.get("advance_seconds")
        if not isinstance(seconds, int | float) or seconds < 0:
            raise _Mistake("advance_seconds must be a number, 0 or more")
        self._sandbox.clock.advance(seconds)
        return {"now": self._sandbox.clock.now()}

    def _add_fault(self, request: Request, fields: _Fields) -> _Fields:
        del request
        options = dict(fields)
        operation, issuer = str(options.pop("operation", "*")), options.pop("issuer", None)
        times, kind = options.pop("times", 1), options.pop("action", None)
        if not isinstance(kind, str) or kind not in _ACTIONS:
            raise _Mistake(f"action must be one of {', '.join(sorted(_ACTIONS))}")
        if not isinstance(times, int | None) or not isinstance(issuer, str | None):
            raise _Mistake("times must be a whole number or null, issuer a key or null")
        wrong = [name for name, value in options.items() if not _fits(name, value)]
        if wrong:
            raise _Mistake(f"not understood: {', '.join(wrong)}")
        try:
            action = _ACTIONS[kind](**options)
        except TypeError as error:
            raise _Mistake(str(error)) from None
        self._sandbox.faults.add(action, operation, times=times, issuer=issuer)
        return {"rules": len(self._sandbox.faults.rules)}

    def _clear_faults(self, request: Request, fields: _Fields) -> _Fields:
        del request, fields
        self._sandbox.faults.clear()
        return {"rules": 0}

    def _set_price(self, request: Request, fields: _Fields) -> _Fields:
        try:
            amount = Decimal(str(fields.get("amount")))
        except InvalidOperation:
            raise _Mistake('amount must be a decimal as text, such as "12.00"') from None
        self._sandbox.set_price(request.path_params["id"], amount)
        return {"amount": str(amount)}

    def _set_stock(self, request: Request, fields: _Fields) -> _Fields:
        quantity = _quantity(fields)
        self._sandbox.set_stock(request.path_params["id"], quantity)
        return {"quantity": quantity}

    def _set_session_stock(self, request: Request, fields: _Fields) -> _Fields:
        quantity = _quantity(fields)
        self._sandbox.set_session_stock(request.path_params["id"], quantity)
        return {"quantity": quantity}

    def _cancel_order(self, request: Request, fields: _Fields) -> _Fields:
        del fields
        self._sandbox.cancel_order(request.path_params["id"])
        return {"cancelled": request.path_params["id"]}

    def _release(self, request: Request, fields: _Fields) -> _Fields:
        del fields
        self._sandbox.release_reservation(request.path_params["id"])
        return {"released": request.path_params["id"]}


async def _no_such_lever(request: Request, error: Exception) -> Response:
    del request
    if not isinstance(error, HTTPException):
        raise error
    return _error(error.status_code, error.detail)


async def _fields(request: Request) -> _Fields:
    if not await request.body():
        return {}
    try:
        fields = await request.json()
    except ValueError:
        raise _Mistake("the body is not JSON") from None
    if not isinstance(fields, dict):
        raise _Mistake("the body must be a JSON object")
    return fields


def _fits(name: str, value: object) -> bool:
    """Whether a field of an action has a value of its kind."""
    match name:
        case "status":
            return isinstance(value, int) and 400 <= value <= 599
        case "seconds":
            return isinstance(value, int | float) and value >= 0
        case "body":
            return isinstance(value, str) and value in {"html", "empty", "problem"}
        case _:
            return name == "retry_after" and isinstance(value, str)


def _quantity(fields: _Fields) -> int | None:
    quantity = fields.get("quantity", -1)
    if quantity is None:
        return None
    if not isinstance(quantity, int) or quantity < 0:
        raise _Mistake("quantity must be a whole number, 0 or more, or null for no limit")
    return quantity


def _json(status: int, fields: _Fields) -> Response:
    return JSONResponse(_plain(fields), status_code=status)


def _error(status: int, message: str) -> Response:
    return _json(status, {"error": message})


def _plain(value: object) -> object:
    """Moments, days and amounts as text, at any depth."""
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | None) else str(value)
