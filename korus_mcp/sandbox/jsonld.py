"""Writes answers: JSON-LD resources, collections with the API's quirks, and problem JSON."""

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
"""An object of an answer. `answer` converts each `Text`, amount, day and moment in it."""

LD_JSON = "application/ld+json; charset=utf-8"
_PROBLEM = "application/problem+json; charset=utf-8"
T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


class Violation(NamedTuple):
    """One rule that a request body breaks."""

    path: str
    message: str
    # The code that the framework gives for most rules, so it says little (A19).
    code: str = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"


@dataclass(eq=False)
class Refused(Exception):
    """Raised by handlers to answer a call with an error."""

    status: int
    detail: str
    violations: Sequence[Violation] = ()


def not_found() -> Refused:
    """A 404: nothing at this address, or nothing that this organisation may see."""
    return Refused(404, "Not Found")


def invalid(*violations: Violation) -> Refused:
    """A 422: the consistency check failed, and nothing was done."""
    lines = (f"{each.path}: {each.message}" for each in violations)
    return Refused(422, "\n".join(lines), violations)


def answer(
    body: Json, *, language: Language = "fr", status: int = 200, media_type: str = LD_JSON
) -> Response:
    """A JSON answer."""
    write = partial(_written, language)
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=write)
    return Response(text, status_code=status, media_type=media_type)


def _written(language: Language, value: object) -> str:
    """A value that JSON has no type for, as the text that the API writes."""
    match value:
        case Text():
            return value.in_language(language)
        # In the API amounts are text with two decimals.
        case Decimal():
            return f"{value:.2f}"
        case datetime():
            return value.replace(microsecond=0).isoformat()
        case date():
            return value.isoformat()
    raise TypeError(f"{value!r} is nothing that is answered")


def refusal(refused: Refused) -> Response:
    """The answer of an error; keys without a value are left out (T30)."""
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
    """An object with an IRI; each has an undocumented key as well (T31)."""
    return {"@id": iri, "@type": kind, **fields, "revision": 1}


def resource(kind: str, iri: str, fields: Json) -> Json:
    """An object with an IRI and an id, which is the IRI's last part unless `fields` has another."""
    return node(kind, iri, {"id": iri.rpartition("/")[2], **fields})


class View(Enum):
    """The kinds of `view`, which say something true or false about other pages (T4)."""

    FOREIGN = "a parameter nobody sent, no links"
    LINKED = "all links"
    MISSING = "no view at all"
    UNCOUNTED = "no view and no totalItems"


class PageRange(NamedTuple):
    """The requested part of a list."""

    number: int
    size: int

    @property
    def slice(self) -> slice:
        """The part as a slice of the list."""
        return slice((self.number - 1) * self.size, self.number * self.size)


class Listed(Protocol[T_co]):
    """A list that pages are taken from; its items may be made only when they are needed."""

    def __len__(self) -> int:
        """The number of items on all pages."""
        ...

    def __getitem__(self, part: slice, /) -> Sequence[T_co]:
        """The items of a slice."""
        ...


def collection(
    kind: str,
    iri: str,
    found: Listed[T],
    write: Callable[[T], Json],
    page: PageRange | None,
    view: View = View.MISSING,
) -> Json:
    """The answer of a list: one page of its items, or all of them if `page` is None."""
    body: Json = {"@context": f"/contexts/{kind}", "@id": iri, "@type": "Collection"}
    if view is not View.UNCOUNTED:
        body["totalItems"] = len(found)
    body["member"] = [write(each) for each in found[page.slice if page else slice(None)]]
    # Each kind of `view` misleads clients that follow links or rely on totals (T4).
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

    # A request may ask for pages of size 0; then there is one page.
    last = max(1, -(-total // page.size)) if page.size else 1
    links: Json = {"@id": link(page.number), "@type": "PartialCollectionView"}
    links |= {"first": link(1), "last": link(last)}
    if page.number > 1:
        links["previous"] = link(page.number - 1)
    if page.number < last:
        links["next"] = link(page.number + 1)
    return links
