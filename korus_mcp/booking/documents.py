"""Fetches the PDFs of orders, and saves them and what is beside them as files.

A signed address is used at once and never kept (T26). If a caller leaves, the download goes on, and
their repeated call finds the file.
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
"""The statuses that may answer a request for a file that is not ready yet (A20)."""
FILES_BEGIN: Final = "tickets-"
"""How the names of saved files begin."""
GONE: Final = 410
LATE: Final = timedelta(minutes=10)
"""How long after the time it was promised for a file may still be missing."""
SOME_TIMES: Final = (
    "Call get_tickets again in some minutes. If the PDF is not given then, quote the reference to "
    "KorusTicket support: do not order again."
)
"""The next step for a file of which nobody knows whether it is ready: try again, then support."""
REMEMBERED: Final = 1000
"""At most so many saved files are known to this process."""
FETCHED_SECONDS: Final = 120
"""How long a fetched file is kept in memory: a host that gave a call up soon repeats it."""
FETCHED_BYTES: Final = 8 * 1024 * 1024
"""The size of all files kept in memory together."""


@dataclass(frozen=True)
class DocumentQuery:
    """Names a document: its owner, order, id and language."""

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
        """Forget every file: once somebody is named on a ticket, the issuer makes its PDF anew."""
        self._saved.clear()
        self._fetched.clear()

    async def pdf(self, wanted: DocumentQuery) -> bytes:
        """The bytes of a ready document.

        Raises:
            Refusal: NOT_FOUND, NOT_READY, or UPSTREAM_UNAVAILABLE.
            ApiError: it cannot be fetched.
        """
        # The owner is checked first: a signed address is made for the order's owner alone.
        order = await self.orders.order(wanted.owner, wanted.order_id)
        try:
            link = await self.booking.create_order_document_link(
                order.id, wanted.document_id, language=wanted.language
            )
        except ApiError as error:
            # What an early request is answered with is not published (A20), so the list of
            # documents is read: it has the time at which each is ready.
            if error.status in NOT_READY:
                raise await self._not_given_now(order.id, wanted.document_id) from None
            if error.status == GONE:
                raise not_given() from None
            if error.outcome is Outcome.UNKNOWN:  # safe to repeat: that only makes a new address
                raise Refusal(
                    Code.UPSTREAM_UNAVAILABLE,
                    "KorusTicket did not say where the document is.",
                    "Call get_tickets again later.",
                    retry_after_seconds=5,
                ) from None
            raise
        return await self.booking.download_document(link)

    async def _not_given_now(self, order_id: str, document_id: str) -> Refusal:
        """The refusal of a file, by the time at which it should be ready: ahead, just now, past."""
        # For a file of which nobody knows whether it should be ready.
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
        """The bytes of a document; None while it is not ready. Only a few are fetched at once.

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
        """The bytes of a document, empty if it has more than `most`; None while it is not ready.

        They are fetched now, or were fetched for a caller who left not long ago.

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
        # A larger file would push all others out: it is not kept.
        if len(told) <= FETCHED_BYTES:
            self._fetched[wanted] = told
        return told

    async def saved(self, wanted: DocumentQuery, folder: Path, stem: str) -> Path | None:
        """The path of a document's file, which is saved now or was before; None while not ready.

        If the caller leaves, it is saved all the same.

        Raises:
            Refusal: NOT_FOUND, UPSTREAM_UNAVAILABLE, MISCONFIGURED, SERVER_BUSY.
            ApiError: it cannot be fetched.
        """
        work = partial(self._save, wanted, folder, stem)
        return await self.operations.flights.join(("save", wanted, folder), work)

    async def _save(self, wanted: DocumentQuery, folder: Path, stem: str) -> Path | None:
        # Somebody may have deleted or changed the file since it was saved.
        known = self._saved.get((wanted, folder))
        if known is not None and await anyio.to_thread.run_sync(_is_still_there, *known):
            return known[0]
        self.operations.check_open()
        content = await self.pdf_if_ready(wanted)
        if content is None:
            return None
        # One at a time: two saves that look for a free name at once would find the same one.
        async with self._saving:
            path = await anyio.to_thread.run_sync(save_file, folder, f"{stem}.pdf", content)
        self._saved[wanted, folder] = (path, _digest(content))
        return path

    async def beside(self, folder: Path, name: str, content: bytes) -> Path:
        """The path of a file that was made here, saved beside documents that were.

        Raises:
            Refusal: MISCONFIGURED, SERVER_BUSY.
        """
        self.operations.check_open()
        async with self._saving:
            return await anyio.to_thread.run_sync(save_file, folder, name, content)


def save_file(folder: Path, name: str, content: bytes) -> Path:
    """Write a file that only the user can read, under a free name. Nothing is ever overwritten.

    If a file with the same bytes is there already, its path is the result.

    Raises:
        Refusal: MISCONFIGURED when the folder cannot be written, or is not the user's own.
    """
    stem, ending = Path(name).stem, Path(name).suffix
    try:
        private_folder(folder, ours=FILES_BEGIN, is_read_again=False)
        # A file of this name may belong to another order, unless it has the same bytes.
        for number in range(1, 1000):
            path = folder / (name if number == 1 else f"{stem}-{number}{ending}")
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
        "Read the document by its address, or set KORUS_DOWNLOAD_DIR.",
    )


def _is_still_there(path: Path, digest: str) -> bool:
    """Whether a regular file with this content is still there."""
    try:
        # A symbolic link in its place may point anywhere: that is not the file that was saved.
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
