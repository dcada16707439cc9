"""The PDFs of an order: fetched once for whoever asks, and saved for those who want files.

A signed address is used at once and never kept (T26). Callers may leave: what they asked for is
fetched on, and their repeat finds it.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import anyio
from cachetools import LRUCache, TTLCache

from korus_mcp.api import ApiError, Booking, Outcome
from korus_mcp.booking.operations import SIDE_BY_SIDE, Operations
from korus_mcp.booking.order_search import OrderSearch
from korus_mcp.booking.ports import ApiClock, seconds_of
from korus_mcp.foundation.private_files import NotPrivate, private_folder, write_new
from korus_mcp.foundation.refusals import Code, Refusal, not_given
from korus_mcp.foundation.unread import value_of

NOT_READY: Final = frozenset({400, 403, 404, 409, 422})
"""What an early request for a file may be answered with (A20)."""
GONE: Final = 410
LATE: Final = timedelta(minutes=10)
"""So long after its time a file may still be on its way."""
SOME_TIMES: Final = (
    "Call get_tickets again in some minutes. If the PDF is not given then, quote the reference to "
    "KorusTicket support: do not order again."
)
"""What to do about a file that may be ready or not; it ends."""
REMEMBERED: Final = 1000
"""Files saved that are known to this process."""
FETCHED_SECONDS: Final = 120
"""A host that gave up repeats its call at once."""
FETCHED_BYTES: Final = 8 * 1024 * 1024
"""Of all files kept for those who repeat a call."""


@dataclass(frozen=True)
class DocumentQuery:
    """Whose document of which order, in which language."""

    owner: str
    order_id: str
    document_id: str
    language: str


@dataclass(kw_only=True)
class Documents:
    """Fetches and saves the documents of orders."""

    booking: Booking
    orders: OrderSearch
    clock: ApiClock
    operations: Operations

    def __post_init__(self) -> None:
        self._lanes = anyio.CapacityLimiter(SIDE_BY_SIDE)
        self._saving = anyio.Lock()
        self._saved: LRUCache[tuple[DocumentQuery, Path], tuple[Path, str]] = LRUCache(REMEMBERED)
        self._fetched: TTLCache[DocumentQuery, bytes] = TTLCache(
            FETCHED_BYTES, FETCHED_SECONDS, seconds_of(self.clock), getsizeof=len
        )

    def forget(self) -> None:
        """Forget every file: after a ticket was named, its files are made anew."""
        self._saved.clear()
        self._fetched.clear()

    async def pdf(self, wanted: DocumentQuery) -> bytes:
        """The bytes of a ready document.

        Raises:
            Refusal: NOT_FOUND, NOT_READY, or UPSTREAM_UNAVAILABLE.
            ApiError: it cannot be fetched.
        """
        # Whose the order is stands first: an address is made for its owner alone.
        order = await self.orders.order(wanted.owner, wanted.order_id)
        try:
            link = await self.booking.create_order_document_link(
                order.id, wanted.document_id, language=wanted.language
            )
        except ApiError as error:
            # What an early request is answered with is not published (A20): the list of documents
            # tells.
            if error.status in NOT_READY:
                raise await self._not_given_now(order.id, wanted.document_id) from None
            if error.status == GONE:
                raise not_given() from None
            if error.outcome is Outcome.UNKNOWN:  # asking again makes a new address, no more
                raise Refusal(
                    Code.UPSTREAM_UNAVAILABLE,
                    "KorusTicket did not say where the document is.",
                    "Call get_tickets again later.",
                    retry_after_seconds=5,
                ) from None
            raise
        return await self.booking.download_document(link)

    async def _not_given_now(self, order_id: str, document_id: str) -> Refusal:
        """Why a file is not given: its time has not come, or may just have, or is long past."""
        # What is said wherever nobody knows whether the time has come: it ends in asking support.
        perhaps = Refusal(
            Code.NOT_READY,
            "KorusTicket does not give this document now, or it is not one of this order.",
            SOME_TIMES,
            retry_after_seconds=30,
        )
        try:
            listed = await self.booking.list_order_documents(order_id).all()
        except ApiError:
            return perhaps
        told = next((d.downloadable_at for d in listed if d.id == document_id), None)
        ready_at, now = value_of(told), self.clock.now()
        if ready_at is None or not self.clock.is_known:
            return perhaps
        if ready_at <= now:
            return not_given() if ready_at <= now - LATE else perhaps
        return Refusal(
            Code.NOT_READY,
            "This document is not ready.",
            "Call get_tickets for the documents and when they are ready.",
            retry_after_seconds=30,
        )

    async def pdf_if_ready(self, wanted: DocumentQuery) -> bytes | None:
        """The bytes of a document, None while it is not ready; a few are fetched at once.

        Raises:
            Refusal: NOT_FOUND, or UPSTREAM_UNAVAILABLE.
            ApiError: it cannot be fetched.
        """
        async with self._lanes:
            try:
                return await self.pdf(wanted)
            except Refusal as refusal:
                if refusal.code is Code.NOT_READY:
                    return None
                raise

    async def fetched(self, wanted: DocumentQuery, most: int) -> bytes | None:
        """The bytes of a document of so many at most, nothing of a longer one; fetched now, or for
        a caller who left not long ago. None while it is not ready.

        Raises:
            Refusal: NOT_FOUND, UPSTREAM_UNAVAILABLE.
            ApiError: it cannot be fetched.
        """
        key = ("fetch", wanted)
        return await self.operations.flights.join(key, partial(self._fetch, wanted, most))

    async def _fetch(self, wanted: DocumentQuery, most: int) -> bytes | None:
        known = self._fetched.get(wanted)
        if known is not None:
            return known
        content = await self.pdf_if_ready(wanted)
        if content is None:
            return None
        told = content if len(content) <= most else b""
        # A file larger than all that may be kept goes to this caller only.
        if len(told) <= FETCHED_BYTES:
            self._fetched[wanted] = told
        return told

    async def saved(self, wanted: DocumentQuery, folder: Path, stem: str) -> Path | None:
        """The file of a document, saved now or before: the caller may leave, it is saved. None
        while it is not ready.

        Raises:
            Refusal: NOT_FOUND, UPSTREAM_UNAVAILABLE, MISCONFIGURED, SERVER_BUSY.
            ApiError: it cannot be fetched.
        """
        work = partial(self._save, wanted, folder, stem)
        return await self.operations.flights.join(("save", wanted, folder), work)

    async def _save(self, wanted: DocumentQuery, folder: Path, stem: str) -> Path | None:
        # Somebody may have deleted or changed the file since.
        known = self._saved.get((wanted, folder))
        if known is not None and await anyio.to_thread.run_sync(_is_still_there, *known):
            return known[0]
        self.operations.check_open()
        content = await self.pdf_if_ready(wanted)
        if content is None:
            return None
        # One at a time: two that look for a free name at once would take the same.
        async with self._saving:
            path = await anyio.to_thread.run_sync(save_pdf, folder, stem, content)
        self._saved[wanted, folder] = (path, _digest(content))
        return path


def save_pdf(folder: Path, stem: str, content: bytes) -> Path:
    """Write a PDF for its owner alone, under a name that was free, or find it there; nothing is
    ever overwritten.

    Raises:
        Refusal: MISCONFIGURED when the folder cannot be written, or is not the user's own.
    """
    try:
        private_folder(folder, ours="tickets-", is_read_again=False)
        # A name that is taken may be of another order; what has the same bytes is the same file.
        for number in range(1, 1000):
            path = folder / (f"{stem}.pdf" if number == 1 else f"{stem}-{number}.pdf")
            try:
                write_new(path, content)
            except FileExistsError:
                if _is_copy(path, content):
                    return path
                continue
            return path
    except NotPrivate:
        raise no_folder(
            "The download folder is a link, another user's, or anybody may write it."
        ) from None
    except OSError:
        pass
    raise no_folder("The download folder cannot be written.")


def no_folder(message: str) -> Refusal:
    """The refusal to save a file where there is no folder for it."""
    return Refusal(
        Code.MISCONFIGURED,
        message,
        "Read the document through its resource link, or set KORUS_DOWNLOAD_DIR.",
    )


def _is_still_there(path: Path, digest: str) -> bool:
    """Whether there is still a file, and no link, with this content."""
    try:
        # A link in its place may point at anything: it is no file of ours.
        return path.is_file() and not path.is_symlink() and _digest(path.read_bytes()) == digest
    except OSError:
        return False


def _is_copy(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and _is_still_there(path, _digest(content))
    except OSError:
        return False


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
