"""How answers are written: JSON-LD resources, collections with their traps, problems."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from starlette.responses import Response

from korus_mcp.sandbox.texts import Language, Text

Json = dict[str, object]
"""An object of an answer; `answer` also writes out the texts, amounts, days and moments in it."""

LD_JSON = "application/ld+json; charset=utf-8"
_PROBLEM = "application/problem+json; charset=utf-8"
T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Violation(NamedTuple):
    """One broken rule of a body."""

    path: str
    message: str
    # The framework's own for most rules: it tells nobody which rule it was (A19).
    code: str = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"


@dataclass(eq=False)
class Refused(Exception):
    """The call is answered with an error; the only way a handler says no."""

    status: int
    detail: str
    violations: Sequence[Violation] = ()


def not_found() -> Refused:
    """Nothing at this address, or nothing this organisation may see."""
    return Refused(404, "Not Found")


def invalid(*violations: Violation) -> Refused:
    """The consistency check failed; nothing was done."""
    lines = (f"{each.path}: {each.message}" for each in violations)
    return Refused(422, "\n".join(lines), violations)


def answer(
    body: Json, *, language: Language = "fr", status: int = 200, media_type: str = LD_JSON
) -> Response:
    """A JSON answer."""
    text = json.dumps(
        body, ensure_ascii=False, separators=(",", ":"), default=partial(_written, language)
    )
    return Response(text, status_code=status, media_type=media_type)


def _written(language: Language, value: object) -> str:
    """A value JSON has no form for, as the API prints it."""
    match value:
        case Text():
            return value.in_language(language)
        # Amounts are text on the wire too, always with two digits.
        case Decimal():
            return f"{value:.2f}"
        case datetime():
            return value.replace(microsecond=0).isoformat()
        case date():
            return value.isoformat()
    raise TypeError(f"{value!r} is nothing that is answered")


def refusal(refused: Refused) -> Response:
    """An error answer; keys without a value are left out (T30)."""
    kind, iri = "Error", f"/errors/{refused.status}"
    if refused.violations:
        kind, iri = "ConstraintViolation", f"/validation_errors/{refused.violations[0].code}"
    body: Json = {
        "@context": f"/contexts/{kind}",
        "@id": iri,
        "@type": kind,
        "title": "An error occurred",
        "detail": refused.detail,
        "status": refused.status,
        "type": iri,
        "description": refused.detail,
    }
    if refused.violations:
        body["violations"] = [
            {"propertyPath": each.path, "message": each.message, "code": each.code}
            for each in refused.violations
        ]
    return answer(body, status=refused.status, media_type=_PROBLEM)


def node(kind: str, iri: str, fields: Json) -> Json:
    """An object with an address; every one carries a key nobody documented (T31)."""
    return {"@id": iri, "@type": kind, **fields, "revision": 1}


def resource(kind: str, iri: str, fields: Json) -> Json:
    """An object with an address and an id: the last part of the address, unless `fields` has it."""
    return node(kind, iri, {"id": iri.rpartition("/")[2], **fields})


class View(Enum):
    """What a collection says about its other pages (T4)."""

    FOREIGN = "a parameter nobody sent, no links"
    LINKED = "all links"
    MISSING = "no view at all"
    UNCOUNTED = "no view and no totalItems"


class PageRange(NamedTuple):
    """Which part of a list is asked for."""

    number: int
    size: int

    @property
    def slice(self) -> slice:
        """The part by ranks."""
        return slice((self.number - 1) * self.size, self.number * self.size)


class Listed(Protocol[T_co]):
    """What a page can be cut out of, be it a list or something that is made only on a look."""

    def __len__(self) -> int:
        """How many there are on all pages."""
        ...

    def __getitem__(self, part: slice, /) -> Sequence[T_co]:
        """Some of them."""
        ...


def collection(
    kind: str,
    iri: str,
    found: Listed[T],
    write: Callable[[T], Json],
    page: PageRange | None,
    view: View = View.MISSING,
) -> Json:
    """A list answer: one page of what was found, or all of it where `page` is None."""
    body: Json = {"@context": f"/contexts/{kind}", "@id": iri, "@type": "Collection"}
    if view is not View.UNCOUNTED:
        body["totalItems"] = len(found)
    body["member"] = [write(each) for each in found[page.slice if page else slice(None)]]
    # A client that follows links or counts on totals is found out by one of these (T4).
    if view is View.FOREIGN:
        body["view"] = {"@id": f"{iri}?limit=2", "@type": "PartialCollectionView"}
    elif view is View.LINKED and page is not None:
        body["view"] = _links(iri, page, len(found))
    body["search"] = {
        "@type": "IriTemplate",
        "template": iri + "{?}",
        "variableRepresentation": "BasicRepresentation",
        "mapping": [],
    }
    return body


def _links(iri: str, page: PageRange, total: int) -> Json:
    def link(number: int) -> str:
        return f"{iri}?itemsPerPage={page.size}&page={number}"

    # Pages of no rows can be asked for; there is one of them.
    last = max(1, -(-total // page.size)) if page.size else 1
    links: Json = {"@id": link(page.number), "@type": "PartialCollectionView"}
    links |= {"first": link(1), "last": link(last)}
    if page.number > 1:
        links["previous"] = link(page.number - 1)
    if page.number < last:
        links["next"] = link(page.number + 1)
    return links
