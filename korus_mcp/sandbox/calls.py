"""A call of the API with its caller, language and body; and the checks around each handler."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from korus_mcp.sandbox.jsonld import Json, PageRange, Refused, answer, refusal
from korus_mcp.sandbox.keeping import Keeping, NotKept
from korus_mcp.sandbox.texts import Language
from korus_mcp.sandbox.tokens import Organization, Tokens

_LARGEST_PAGE = 50  # T32
_DEFAULT_PAGE = 10
# T16: the media type depends on the method; a wrong one is refused, so that clients notice.
_BODY_TYPES = {"POST": "application/ld+json", "PATCH": "application/merge-patch+json"}


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request, parsed for a handler."""

    organization: Organization
    language: Language
    path: Mapping[str, str]
    query: QueryParams
    body: Json

    @property
    def page(self) -> PageRange:
        """The requested page: at most 50 items (A25); nonsense is ignored."""
        size = _whole(self.query.get("itemsPerPage"), least=0, otherwise=_DEFAULT_PAGE)
        number = _whole(self.query.get("page"), least=1, otherwise=1)
        return PageRange(number, min(size, _LARGEST_PAGE))


Handler = Callable[[Call], Json]
"""Answers a call with a JSON object, or raises Refused."""


def endpoint(
    handler: Handler, tokens: Tokens, keeping: Keeping, *, writes: bool
) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a handler in the checks of every call: token, then media type, then JSON.

    It works on the bookings as they are in `keeping`; `writes`: it may change them.
    """

    async def answered(request: Request) -> Response:
        organization = tokens.organization(request.headers.get("authorization"))
        # A 401 comes before any processing (A18), and without a body (T30).
        if organization is None:
            return Response(status_code=401)
        try:
            language = _language_of(request.headers.get("accept-language"))
            path, query, body = request.path_params, request.query_params, await _body(request)
            call = Call(organization, language, path, query, body)
            told = await keeping.carried_out(partial(handler, call), writes=writes)
        except Refused as refused:
            return refusal(refused)
        except NotKept:
            return refusal(Refused(503, "The sandbox cannot read or write its file"))
        # A single resource gets its `@context` here; a collection has its own.
        whole = {"@context": f"/contexts/{told['@type']}", **told}
        response = answer(whole, language=language)
        # The language of the answer, which may not be the requested one (A24).
        response.headers["content-language"] = language
        return response

    return answered


async def _body(request: Request) -> Json:
    expected = _BODY_TYPES.get(request.method)
    if expected is None:
        return {}
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != expected:
        raise Refused(415, f'The content-type "{given}" is not supported. Use "{expected}".')
    try:
        body = json.loads(await request.body())
        # Half of a surrogate pair can be parsed, but not be written into an answer.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise Refused(400, "Syntax error") from None
    if not isinstance(body, dict):
        raise Refused(400, "The body is not a JSON object")
    return body


def _whole(text: str | None, *, least: int, otherwise: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 12:
        return otherwise
    return max(int(text), least)


def _language_of(header: str | None) -> Language:
    """The better of the two languages for an Accept-Language header; French by default (T27)."""
    best: Language = "fr"
    weight = 0.0
    for part in (header or "").split(","):
        tag, _, parameters = part.strip().partition(";")
        name = tag.strip().lower().partition("-")[0]
        quality = _quality(parameters)
        if name in {"fr", "en"} and quality > weight:
            best, weight = ("en" if name == "en" else "fr"), quality
    return best


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
