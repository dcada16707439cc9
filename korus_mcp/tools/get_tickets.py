"""get_tickets: the tickets of an order, its documents and its calendar file."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Final, TypeVar

import anyio
from mcp_types import (
    BlobResourceContents,
    ContentBlock,
    EmbeddedResource,
    ResourceLink,
    TextResourceContents,
)
from platformdirs import user_downloads_path
from pydantic import Field

from korus_mcp.answers import addresses, orders
from korus_mcp.answers.calendar_file import calendar_of
from korus_mcp.answers.explanations import explained, is_for_good, too_late
from korus_mcp.api import ApiError
from korus_mcp.app import App, app_of
from korus_mcp.booking.documents import DocumentQuery, no_folder
from korus_mcp.booking.tickets import Document, IssuedTickets
from korus_mcp.booking.timing import RETRY_SECONDS
from korus_mcp.foundation.coalescing import Count, side_by_side
from korus_mcp.foundation.deadlines import in_time, is_over
from korus_mcp.foundation.private_files import user_folder
from korus_mcp.foundation.refusals import Code, Refusal
from korus_mcp.tools.arguments import WRITABLE, Cursor, Language
from korus_mcp.tools.blocks import takes_links
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import check_order

EMBEDDED_BYTES: Final = (1024 - 64) * 1024 * 3 // 4
"""The size of all files in one reply together. In base64 and with the text they stay below 1 MiB:
clients drop a larger event of a stream."""
CALENDAR_BYTES: Final = 32 * 1024
"""The size of a calendar file in a reply, beside the documents: with the text it stays below 1 MiB,
too. Only an order of hundreds of sessions has a larger one."""
Got = TypeVar("Got")
WAITING: Final = "Waiting for the documents"
WAIT_SECONDS: Final = 3.0
"""Not longer: most hosts ask for progress with every call and show it to nobody, and some give up
after 5 s."""
POLL_SECONDS: Final = 1.0
PAGE: Final = 20
DOCUMENTED_PAGE: Final = 6
"""Tickets, and documents, on a page of an order that has about one document for each ticket."""


@tool(
    title="Get tickets",
    read_only=False,
    destructive=False,
    idempotent=True,
    writes_if="save",
    checks=check_order,
)
async def get_tickets(
    ctx: ToolContext,
    order_id: Annotated[
        str,
        Field(min_length=1, max_length=64, description="Or your reference"),
        WRITABLE,
    ],
    vouchers: Annotated[bool, Field(description="Voucher numbers")] = False,
    save: Annotated[bool, Field(description="Save PDFs, calendar")] = False,
    cursor: Cursor = None,
    language: Language = None,
) -> Reply[orders.TicketsView]:
    """Tickets, PDFs, calendar of an order.

    Cancellation, invoice: KorusTicket support, by reference.
    """
    services = app_of(ctx)
    # Hosts give a call up after a while. What it fetches goes on, and an equal call finds it.
    with anyio.move_on_after(services.settings.answer_seconds if save else None):
        wished = services.language(language)
        issued, left = await _complete(ctx, services, order_id, wished)
        first = orders.ticket_pages(issued, cursor).begin.offset
        # A page with documents is small enough never to be cut: a saved file must be in the answer.
        last = first + (PAGE if len(issued.documents) <= 2 else DOCUMENTED_PAGE)
        page = _Page(ctx, services, issued, range(first, last), wished, left)
        if not save:
            files = [page.listed(document) for document in page.documents]
        # A request without HTTP headers came over stdio: the client is on this machine.
        elif ctx.headers is None:
            files = await _saved(page)
        else:
            files = await _embedded(page)
        calendar = await _calendar(page, files) if save else None
        return _reply(page, files, calendar, vouchers=vouchers, save=save)
    raise too_late()


def _reply(
    page: "_Page",
    files: Sequence["_File"],
    calendar: "_Calendar | None",
    *,
    vouchers: bool,
    save: bool,
) -> Reply[orders.TicketsView]:
    """The tickets of a page and its files, which were got if `save`, else only linked to."""
    issued, first = page.issued, page.rows.start
    shown = [file.view for file in files]
    got = _got(files) if save else None
    saved_in = orders.DOWNLOADS if page.ctx.headers is None else orders.IN_REPLY
    others = _others(issued, page.rows, files if save else ())

    def view(count: int) -> orders.TicketsView:
        rest = range(first, first + count)
        return orders.order_view(
            page.services,
            issued,
            shown,
            rest,
            vouchers=vouchers,
            got=got,
            saved_in=saved_in,
            others=others,
            calendar=calendar.told if calendar is not None else None,
        )

    rows = max(len(issued.tickets[first : page.rows.stop]), len(shown))
    blocks = tuple(each.block for each in (*files, calendar) if each is not None and each.block)
    return Reply.of_rows(rows, view, blocks)


async def _complete(
    ctx: ToolContext, services: App, order_id: str, language: str
) -> tuple[IssuedTickets, float]:
    """The order, and how many seconds its caller still waits.

    If the client asked for progress, its documents are waited for, a moment.
    """
    owner = services.principal.key
    meta = ctx.request_context.meta
    if not meta or meta.get("progress_token") is None:
        return await services.booking.tickets.issued(owner, order_id, language), 0
    # Not for other clients: they may take a long silence for a failure.
    waited = 0.0
    await ctx.report_progress(waited, WAIT_SECONDS, WAITING)
    issued = await services.booking.tickets.issued(owner, order_id, language)
    while not issued.is_complete and waited < WAIT_SECONDS and not is_over():
        await services.clock.sleep(POLL_SECONDS)
        waited += POLL_SECONDS
        await ctx.report_progress(waited, WAIT_SECONDS, WAITING)
        issued = await services.booking.tickets.of_order(owner, issued.order.id, language)
    return issued, WAIT_SECONDS - waited


@dataclass(frozen=True)
class _File:
    """A document in the answer: its view, its block if it is ready, and the error if it failed."""

    view: orders.DocumentView
    block: ContentBlock | None = None
    failed: Refusal | ApiError | None = None

    @property
    def is_got(self) -> bool:
        """Whether the file was saved, or is in the reply."""
        return self.view.saved_to is not None or isinstance(self.block, EmbeddedResource)

    def changed(self, **changes: object) -> "_File":
        """The same file with these changes to its view."""
        return replace(self, view=self.view.model_copy(update=changes))


@dataclass(frozen=True)
class _Calendar:
    """The calendar file of the order: the path or address that is told, and its block over HTTP."""

    told: str
    block: ContentBlock | None = None


@dataclass(frozen=True)
class _Page:
    """The rows of one reply, whose documents are fetched, and for whom."""

    ctx: ToolContext
    services: App
    issued: IssuedTickets
    rows: range
    language: str
    left: float
    """How many seconds its caller still waits for a document."""

    @property
    def documents(self) -> Sequence[Document]:
        """The documents in these rows."""
        return self.issued.documents[self.rows.start : self.rows.stop]

    def listed(self, document: Document, *, is_ready: bool | None = None) -> _File:
        """The document with a link to it if it is ready, by what was seen or else by its time."""
        now = self.services.api.now()
        view = orders.DocumentView.of(self.issued, document, now, is_ready=is_ready)
        if view.uri is None:
            return _File(view)
        return _File(
            view,
            ResourceLink(
                type="resource_link", uri=view.uri, name=view.name, mime_type=addresses.PDF
            ),
        )

    def wanted(self, document: Document) -> DocumentQuery:
        """The query for a document of the caller's."""
        owner, order_id = self.services.principal.key, self.issued.order.id
        return DocumentQuery(owner, order_id, document.id, self.language)

    async def each(
        self, fetch: Callable[[Document], Awaitable[Got | None]]
    ) -> list[tuple[_File, Got | None]]:
        """Fetch each document; None beside one that could not be fetched now.

        All are begun at once. Progress is reported if the client asked for it.
        """
        count = Count(len(self.documents))

        async def one(document: Document) -> tuple[_File, Got | None]:
            answer = await self._had(fetch, document)
            count.step()
            return answer

        report = partial(self.ctx.report_progress, message="Fetching the documents")
        async with count.telling(report):
            steps = [partial(one, document) for document in self.documents]
            return await side_by_side(steps, limit=max(1, len(steps)))

    async def _had(
        self, fetch: Callable[[Document], Awaitable[Got | None]], document: Document
    ) -> tuple[_File, Got | None]:
        file = self.listed(document)
        if not document.is_tried:
            return file, None
        found = None
        try:
            with in_time() as time:
                found = await fetch(document)
                # Tried once more if the client waits: `ready_at` has no fractions of a second, so a
                # document may be ready up to a second later.
                if found is None and self.left >= POLL_SECONDS:
                    await self.services.clock.sleep(POLL_SECONDS)
                    found = await fetch(document)
        except (Refusal, ApiError) as failed:
            # A file that failed for good stays as listed; any other is shown as not ready, so that
            # it is asked for again.
            told = file if is_for_good(failed) else self.listed(document, is_ready=False)
            return replace(told, failed=failed), None
        if time.cancelled_caught:
            return replace(file, failed=_late()), None
        # Whether it is ready is known now, whatever `ready_at` and our clock said.
        return self.listed(document, is_ready=found is not None), found


async def _saved(page: _Page) -> list[_File]:
    """Save the documents as files on this machine; this goes on if the caller leaves.

    If one was saved, another that fails is left for the next call.
    """
    documents = page.services.booking.documents
    folder = _folder(page)

    async def save(document: Document) -> Path | None:
        stem = orders.stem_of(page.issued, document)
        return await documents.saved(page.wanted(document), folder, stem)

    had = await page.each(save)
    # Two ids long, and of no use beside the file, but to a page that offers it for download.
    known = {} if takes_links(page.ctx) else {"uri": None}
    return _some_of(
        [f if path is None else f.changed(saved_to=str(path), **known) for f, path in had]
    )


def _some_of(files: list[_File]) -> list[_File]:
    """The files, if any was fetched or none failed.

    Raises:
        Refusal, ApiError: the failure of the first one that failed.
    """
    # If one file was saved the answer must say so: an error would hide it.
    failed = next((file.failed for file in files if file.failed is not None), None)
    if failed is not None and not any(file.is_got for file in files):
        raise failed
    return files


async def _embedded(page: _Page) -> list[_File]:
    """Put the documents into the reply, for a client on another machine; links once it is full."""
    documents = page.services.booking.documents

    async def fetch(document: Document) -> bytes | None:
        return await documents.fetched(page.wanted(document), EMBEDDED_BYTES)

    files: list[_File] = []
    left = EMBEDDED_BYTES
    for file, found in await page.each(fetch):
        content = found or b""
        fits = 0 < len(content) <= left
        # In order: once one does not fit, those after it are links, too.
        left = left - len(content) if fits or not content else 0
        address = file.view.uri if fits else None
        files.append(file if address is None else replace(file, block=_resource(address, content)))
    return _some_of(files)


def _resource(uri: str, content: bytes) -> EmbeddedResource:
    blob = base64.b64encode(content).decode()
    resource = BlobResourceContents(uri=uri, mime_type=addresses.PDF, blob=blob)
    return EmbeddedResource(type="resource", resource=resource)


async def _calendar(page: _Page, files: Sequence[_File]) -> _Calendar | None:
    """The calendar file, beside the first documents that were got; None if it has no entry."""
    if page.rows.start or not any(file.is_got for file in files):
        return None
    content = None
    # The documents are had: an error of the calendar would hide that.
    with suppress(ApiError, Refusal):
        content = await calendar_of(page.services, page.issued, page.language)
    if content is None:
        return None
    if page.ctx.headers is not None:
        uri = addresses.calendar(page.issued.order.id)
        # As text: hosts refuse files of kinds they do not know, and take any text.
        resource = TextResourceContents(
            uri=uri, mime_type=addresses.CALENDAR, text=content.decode()
        )
        is_small = len(content) <= CALENDAR_BYTES
        return _Calendar(
            uri, EmbeddedResource(type="resource", resource=resource) if is_small else None
        )
    name = f"{orders.stem_of(page.issued)}.ics"
    # The documents are saved: an error would hide that.
    with suppress(Refusal):
        path = await page.services.booking.documents.beside(_folder(page), name, content)
        return _Calendar(str(path))
    return None


def _folder(page: _Page) -> Path:
    return page.services.settings.download_dir or _downloads()


def _downloads() -> Path:
    """The user's download folder, wherever it is."""
    folder = user_folder(user_downloads_path)
    if folder is None:
        raise no_folder("This user has no home folder, so there is none for downloads.")
    # An absolute path: a person reads it and does not know this process's working directory.
    return folder.resolve()


def _others(issued: IssuedTickets, page: range, files: Sequence[_File]) -> str | None:
    """How to get the files of the other pages; None on the last page. `files` are those that this
    call asked for."""
    number = len(issued.documents)
    if page.stop >= number:
        return None
    if not files:
        return f"The cursor lists the other {number - page.stop} PDFs."
    had = sum(file.is_got for file in files)
    word = "saved" if any(file.view.saved_to for file in files) else "here"
    before = f" (after the {page.start} before)" if page.start else ""
    return f"{had} of {number} PDFs are {word}{before}: call again with the cursor and save: true."


def _late() -> Refusal:
    """Why a file was not had that is still being fetched."""
    return Refusal(
        Code.UPSTREAM_UNAVAILABLE,
        "KorusTicket did not send the PDFs in time; they are still being fetched.",
        "Call get_tickets again with the same arguments.",
        retry_after_seconds=RETRY_SECONDS,
    )


def _got(files: Sequence[_File]) -> str:
    """The sentence about the files that the call asked for."""
    # A failure for good goes first: calling again would not help, and the person has to know.
    failed = [f.failed for f in files if f.failed is not None and f.view.ready]
    for_good = next((each for each in failed if is_for_good(each)), None)
    if for_good is not None:
        refusal = explained(for_good)
        return f"A PDF cannot be had. {refusal.message} {refusal.next_step}"
    if failed:
        return (
            "Not all PDFs came in time; they are still being fetched: call again with save: true."
        )
    if all(file.view.saved_to for file in files):
        return f"The PDFs are saved where it says; {orders.NOTHING_MORE}"
    if all(file.is_got for file in files):
        # Many hosts show files of a reply to their model as letters, and none to the person.
        return (
            "The PDFs are in this reply; see that the person can open them (where the host gives "
            f"them no files, a server over stdio saves them); {orders.NOTHING_MORE}"
        )
    return "A reply holds 1 MiB: read the addresses of the PDFs that are not in it."
