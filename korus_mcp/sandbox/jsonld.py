"""How answers are written: JSON-LD resources, collections with their traps, problems."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from starlette.datastructures import QueryParams
from starlette.responses import Response

from korus_mcp.sandbox.model import Language

Json = dict[str, object]
LARGEST_PAGE = 50
_DEFAULT_PAGE = 10
_LD_JSON = "application/ld+json; charset=utf-8"
_PROBLEM = "application/problem+json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule of a body."""

    path: str
    message: str
    code: str = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"


class Refused(Exception):
    """The call is answered with an error; the only way a handler says no."""

    def __init__(self, status: int, detail: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.violations = tuple(violations)


def not_found() -> Refused:
    """Nothing at this address, or nothing this organisation may see."""
    return Refused(404, "Not Found")


def invalid(*violations: Violation) -> Refused:
    """The consistency check failed; nothing was done."""
    lines = (f"{each.path}: {each.message}" for each in violations)
    return Refused(422, "\n".join(lines), violations)


def answer(body: Json, *, status: int = 200, media_type: str = _LD_JSON) -> Response:
    """A JSON answer."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status_code=status, media_type=media_type)


def refusal(refused: Refused) -> Response:
    """An error answer; keys without a value are left out (T30)."""
    if refused.status == 422 and refused.violations:
        return answer(_violations(refused), status=422, media_type=_PROBLEM)
    body: Json = {
        "@context": "/contexts/Error",
        "@id": f"/errors/{refused.status}",
        "@type": "Error",
        "title": "An error occurred",
        "detail": refused.detail,
        "status": refused.status,
        "type": f"/errors/{refused.status}",
        "description": refused.detail,
    }
    return answer(body, status=refused.status, media_type=_PROBLEM)


def _violations(refused: Refused) -> Json:
    first = refused.violations[0].code
    return {
        "@context": "/contexts/ConstraintViolation",
        "@id": f"/validation_errors/{first}",
        "@type": "ConstraintViolation",
        "title": "An error occurred",
        "detail": refused.detail,
        "status": 422,
        "type": f"/validation_errors/{first}",
        "description": refused.detail,
        "violations": [
            {"propertyPath": each.path, "message": each.message, "code": each.code}
            for each in refused.violations
        ],
    }


def resource(kind: str, iri: str, fields: Json, *, alone: bool = False) -> Json:
    """A resource; every one carries a key nobody documented (T31)."""
    context: Json = {"@context": f"/contexts/{kind}"} if alone else {}
    return {**context, "@id": iri, "@type": kind, **fields, "revision": 1}


class View(Enum):
    """What a collection says about its other pages (T4)."""

    FOREIGN = "a parameter nobody sent, no links"
    LINKED = "all links"
    MISSING = "no view at all"
    UNCOUNTED = "no view and no totalItems"


@dataclass(frozen=True, slots=True)
class PageRange:
    """Which part of a list is asked for."""

    number: int
    size: int

    @property
    def start(self) -> int:
        """Rank of the first member."""
        return (self.number - 1) * self.size

    @property
    def stop(self) -> int:
        """Rank after the last member."""
        return self.start + self.size


def page_of(query: QueryParams) -> PageRange:
    """The page asked for; more than 50 a page is cut to 50 (T32), nonsense counts as unsent."""
    size = _whole(query.get("itemsPerPage"), least=0, otherwise=_DEFAULT_PAGE)
    return PageRange(_whole(query.get("page"), least=1, otherwise=1), min(size, LARGEST_PAGE))


def collection(
    kind: str,
    iri: str,
    members: Sequence[Json],
    *,
    total: int,
    view: View = View.MISSING,
    page: PageRange | None = None,
) -> Response:
    """A list answer."""
    body: Json = {"@context": f"/contexts/{kind}", "@id": iri, "@type": "Collection"}
    if view is not View.UNCOUNTED:
        body["totalItems"] = total
    body["member"] = members
    if view is View.FOREIGN:
        body["view"] = {"@id": f"{iri}?limit=2", "@type": "PartialCollectionView"}
    elif view is View.LINKED and page is not None:
        body["view"] = _links(iri, page, total)
    body["search"] = {
        "@type": "IriTemplate",
        "template": iri + "{?}",
        "variableRepresentation": "BasicRepresentation",
        "mapping": [],
    }
    return answer(body)


def _links(iri: str, page: PageRange, total: int) -> Json:
    def link(number: int) -> str:
        return f"{iri}?itemsPerPage={page.size}&page={number}"

    last = max(1, -(-total // page.size)) if page.size else 1
    links: Json = {"@id": link(page.number), "@type": "PartialCollectionView"}
    links |= {"first": link(1), "last": link(last)}
    if page.number > 1:
        links["previous"] = link(page.number - 1)
    if page.number < last:
        links["next"] = link(page.number + 1)
    return links


def _whole(text: str | None, *, least: int, otherwise: int) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 12:
        return otherwise
    return max(int(text), least)


def language_of(header: str | None) -> Language:
    """The best of the two languages for an Accept-Language header; French when in doubt (T27)."""
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


def money(amount: Decimal) -> str:
    """An amount with two digits, as text."""
    return f"{amount:.2f}"


def moment(value: datetime) -> str:
    """A moment as the API prints it, to the second and with its offset."""
    return value.replace(microsecond=0).isoformat()
