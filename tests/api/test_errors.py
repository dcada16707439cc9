import json
import re
from datetime import UTC, datetime
from typing import Any

import anyio
import httpx
import pytest

from korus_mcp.api import (
    ApiError,
    BadRequest,
    Disconnected,
    DocumentRefused,
    Forbidden,
    Malformed,
    NotFound,
    Outcome,
    RateLimited,
    Redirected,
    ServerFailed,
    TimedOut,
    Unauthorized,
    UnexpectedStatus,
    Unprocessable,
    Unreachable,
    errors,
    failures,
)
from korus_mcp.api.failures import from_answer, from_network

NOW = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
NOT_SENT, REFUSED, UNKNOWN = Outcome.NOT_SENT, Outcome.REFUSED, Outcome.UNKNOWN

NETWORK: dict[type[BaseException], tuple[type[ApiError], Outcome]] = {
    httpx.ConnectError: (Unreachable, NOT_SENT),
    httpx.ConnectTimeout: (Unreachable, NOT_SENT),
    httpx.PoolTimeout: (Unreachable, NOT_SENT),
    httpx.UnsupportedProtocol: (Unreachable, NOT_SENT),
    httpx.ReadTimeout: (TimedOut, UNKNOWN),
    httpx.WriteTimeout: (TimedOut, UNKNOWN),
    httpx.TimeoutException: (TimedOut, UNKNOWN),
    httpx.ReadError: (Disconnected, UNKNOWN),
    httpx.WriteError: (Disconnected, UNKNOWN),
    httpx.CloseError: (Disconnected, UNKNOWN),
    httpx.NetworkError: (Disconnected, UNKNOWN),
    httpx.ProtocolError: (Disconnected, UNKNOWN),
    httpx.LocalProtocolError: (Disconnected, UNKNOWN),
    httpx.RemoteProtocolError: (Disconnected, UNKNOWN),
    httpx.ProxyError: (Disconnected, UNKNOWN),
    httpx.TransportError: (Disconnected, UNKNOWN),
    httpx.RequestError: (Disconnected, UNKNOWN),
    httpx.HTTPError: (Disconnected, UNKNOWN),
    httpx.HTTPStatusError: (Disconnected, UNKNOWN),
    httpx.DecodingError: (Malformed, UNKNOWN),
    httpx.TooManyRedirects: (Redirected, UNKNOWN),
    httpx.InvalidURL: (Disconnected, UNKNOWN),
    httpx.CookieConflict: (Disconnected, UNKNOWN),
    httpx.StreamError: (Disconnected, UNKNOWN),
    httpx.StreamConsumed: (Disconnected, UNKNOWN),
    httpx.StreamClosed: (Disconnected, UNKNOWN),
    httpx.ResponseNotRead: (Disconnected, UNKNOWN),
    httpx.RequestNotRead: (Disconnected, UNKNOWN),
    TimeoutError: (TimedOut, UNKNOWN),
    OSError: (Disconnected, UNKNOWN),
    anyio.BrokenResourceError: (Disconnected, UNKNOWN),
    anyio.ClosedResourceError: (Disconnected, UNKNOWN),
    anyio.EndOfStream: (Disconnected, UNKNOWN),
}

STATUSES: dict[int, tuple[type[ApiError], Outcome]] = {
    301: (Redirected, UNKNOWN),
    304: (Redirected, UNKNOWN),
    400: (BadRequest, REFUSED),
    401: (Unauthorized, NOT_SENT),
    403: (Forbidden, REFUSED),
    404: (NotFound, REFUSED),
    405: (UnexpectedStatus, UNKNOWN),
    408: (UnexpectedStatus, UNKNOWN),
    409: (UnexpectedStatus, UNKNOWN),
    415: (UnexpectedStatus, UNKNOWN),
    422: (Unprocessable, REFUSED),
    429: (RateLimited, NOT_SENT),
    500: (ServerFailed, UNKNOWN),
    502: (ServerFailed, UNKNOWN),
    503: (ServerFailed, UNKNOWN),
    504: (ServerFailed, UNKNOWN),
    599: (ServerFailed, UNKNOWN),
    199: (UnexpectedStatus, UNKNOWN),
}


def made(kind: Any) -> Any:
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError(
            "canary", request=httpx.Request("GET", "https://x"), response=httpx.Response(500)
        )
    if issubclass(kind, httpx.StreamError) and kind is not httpx.StreamError:
        return kind()
    return kind("canary in the message")


def test_every_exception_class_of_httpx_is_in_the_table() -> None:
    ours = {
        each
        for each in vars(httpx).values()
        if isinstance(each, type) and issubclass(each, BaseException)
    }
    assert ours - set(NETWORK) == set()
    assert all(issubclass(each, failures.NETWORK_FAILURES) for each in NETWORK)


@pytest.mark.parametrize("kind", NETWORK, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
def test_a_network_failure_says_whether_the_server_may_have_acted(
    kind: type[BaseException], method: str
) -> None:
    expected, outcome = NETWORK[kind]
    error = from_network("createOrders", method, made(kind))
    assert type(error) is expected
    assert error.outcome is (REFUSED if method == "GET" and outcome is UNKNOWN else outcome)
    assert "canary" not in f"{error}{error!r}"


def test_an_unknown_failure_of_a_write_is_ambiguous() -> None:
    assert from_network("createOrders", "POST", KeyboardInterrupt()).outcome is UNKNOWN


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("method", ["POST", "PATCH", "GET"])
def test_a_status_says_whether_the_server_may_have_acted(status: int, method: str) -> None:
    expected, outcome = STATUSES[status]
    error = from_answer("createOrders", method, status, {}, b"", now=NOW)
    assert type(error) is expected
    assert error.status == status
    assert error.outcome is (REFUSED if method == "GET" and outcome is UNKNOWN else outcome)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body><h1>502 Bad Gateway</h1></body></html>",
        b"null",
        b"[1, 2]",
        b'"text"',
        b"{",
        b"\xff\xfe\x00",
        b'{"detail": 5, "violations": "none"}',
        b'{"violations": [null, 5, {"message": 5}]}',
        b"[" * 100_000,
    ],
)
def test_any_error_body_is_survived(body: bytes) -> None:
    for status in STATUSES:
        error = from_answer("getOrder", "GET", status, {}, body, now=NOW)
        assert error.issuer_text is None


@pytest.mark.parametrize("mark", ["&#", "&#x", "<", "&", "&lt;", "\u0323\u0301"])
def test_an_error_text_of_any_length_is_read_and_cut(mark: str) -> None:
    """Python makes no number of thousands of digits; a failure told late must still be told."""
    text = f"Complet {mark}{'1' * 1_000_000}"
    for detail in (text, mark * 500_000):
        body = json.dumps({"detail": detail, "violations": [{"message": detail}]}).encode()
        error = from_answer("createOrders", "POST", 422, {}, body, now=NOW)
        assert isinstance(error, Unprocessable)
        assert len(error.issuer_text or "") <= 500


def test_the_issuers_words_are_kept_apart_from_our_own() -> None:
    body = {
        "title": "An error occurred",
        "detail": "<p>Canary&nbsp;&amp; co\x07 <b>now</b>\u202e</p>",
        "violations": [
            {"propertyPath": "items[0].quantity", "message": "<i>canary</i> too many"},
            {"message": "x" * 9000},
        ],
    }
    error = from_answer("createOrders", "POST", 422, {}, json.dumps(body).encode(), now=NOW)
    assert isinstance(error, Unprocessable)
    assert error.issuer_text == "Canary & co now"
    assert error.violations[0] == ("items[0].quantity", "canary too many")
    assert len(error.violations[1][1]) == 500
    assert str(error) == "createOrders: refused by the consistency check (status 422)"
    assert "anary" not in repr(error)


def test_a_long_list_of_violations_is_cut() -> None:
    body = json.dumps({"violations": [{"message": "no"}] * 1000}).encode()
    error = from_answer("createOrders", "POST", 422, {}, body, now=NOW)
    assert isinstance(error, Unprocessable)
    assert len(error.violations) == failures.VIOLATIONS_LIMIT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "1e9"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "9" * 40}, None),
        ({"retry-after": "300"}, 300.0),
        ({"retry-after": "301"}, 300.0),
        ({"retry-after": "999999999"}, 300.0),
        ({"retry-after": "٣٣"}, None),
        ({"retry-after": "5, 7"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"}, 300.0),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, 300.0),
        ({"retry-after": "Mon, 01 Jun 2026 09:00:30 GMT", "date": "x" * 9999}, 30.0),
        (
            {
                "retry-after": "Mon, 01 Jun 2026 10:00:05 GMT",
                "date": "Thu, 01 Jan 1970 00:00:00 GMT",
            },
            300.0,
        ),
        ({"retry-after": "Mon, 01 Jun 2026 09:00:30 GMT" + " " * 100_000 + "x"}, None),
        ({"retry-after": "Mon, 01 Jun 2026 09:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 01 Jun 2026 08:00:30 GMT"}, 0.0),
        (
            {
                "retry-after": "Mon, 01 Jun 2026 10:00:05 GMT",
                "date": "Mon, 01 Jun 2026 10:00:00 GMT",
            },
            5.0,
        ),
        ({"retry-after": "Mon, 01 Jun 2026 09:00:30 -0000"}, None),
        ({"retry-after": "Mon, 99 Jun 2026 09:00:30 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_both_forms(headers: dict[str, str], seconds: float | None) -> None:
    error = from_answer("listOffers", "GET", 429, headers, b"", now=NOW)
    assert error.retry_after_seconds == seconds


@pytest.mark.parametrize(
    ("detail", "told"),
    [
        ("a\ud800b\u2028c<br/>d &lt;e&gt;", "a\ufffdb c d <e>"),
        ("\u00e9" * 600, "\u00e9" * 494 + " [cut]"),
    ],
)
def test_what_an_issuer_says_can_always_be_written(detail: str, told: str) -> None:
    body = json.dumps({"detail": detail, "violations": [{"message": detail}]}).encode()
    error = from_answer("listOffers", "GET", 422, {}, body, now=NOW)
    assert isinstance(error, Unprocessable)
    assert error.issuer_text == told
    assert error.violations == (("", told),)


def test_reasons_are_in_the_text() -> None:
    error = DocumentRefused("downloadDocument", REFUSED, reason="not https", status=200)
    assert str(error) == "downloadDocument: the document was refused (status 200): not https"


def test_the_drawn_tree_is_the_real_one() -> None:
    drawn = set(re.findall(r"^    (?:[|`]-- )?([A-Z]\w+) ", errors.__doc__ or "", re.MULTILINE))
    real = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type)
        and issubclass(value, Exception)
        and value.__module__ == errors.__name__
        and not name.startswith("_")
    }
    assert drawn == real
