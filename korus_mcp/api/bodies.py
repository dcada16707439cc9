"""Reading bodies: never more than the limit, counted after unpacking."""

import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import cast

import anyio
import httpx

from korus_mcp.api.errors import TooLarge
from korus_mcp.api.failures import NETWORK_FAILURES, outcome_of_answered

ERROR_BODY_LIMIT = 64 * 1024
ERROR_BODY_SECONDS = 2.0
_CHUNK = 64 * 1024
_GZIP = b"\x1f\x8b"
_MOST_DIGITS = 19


async def whole_body(response: httpx.Response, operation: str, method: str, limit: int) -> bytes:
    """The body of a success, unpacked.

    Raises:
        TooLarge: It passes the limit; reading stops there.
        httpx.HTTPError: The connection or the encoding is broken.
    """
    held = bytearray()
    # What is announced as too long is not begun; who announces less is caught by the count.
    if _announced(response) <= limit:
        async for chunk in _decoded(response):
            held += chunk
            if len(held) > limit:
                break
        else:
            return bytes(held)
    raise TooLarge(operation, outcome_of_answered(method))


async def beginning_of(response: httpx.Response) -> bytes:
    """As much of an error's body as comes easily: its status counts, its text is a courtesy."""
    held = bytearray()
    # Its status is known already: nobody waits long for the courtesy behind it.
    with anyio.move_on_after(ERROR_BODY_SECONDS), suppress(*NETWORK_FAILURES):
        async for chunk in _decoded(response):
            held += chunk
            if len(held) > ERROR_BODY_LIMIT:
                break
    return bytes(held)


def _announced(response: httpx.Response) -> int:
    """The length a body is said to have; 0 where nothing sensible is said."""
    text = response.headers.get("content-length", "")
    # More digits than a length has are no length, and thousands of them are slow to read.
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0


async def _decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces of at most 64 KiB more than came in, whatever a gzip bomb holds.

    Whether it is packed is seen by its first bytes, which neither JSON nor a PDF begins with: the
    header that says so may be wrong. `response.stream` instead of `aiter_bytes`, which unpacks a
    piece to any size.
    """
    unpack: zlib._Decompress | None = None
    is_first = True
    async for chunk in _begun(cast("httpx.AsyncByteStream", response.stream)):
        if is_first and chunk.startswith(_GZIP):
            unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        is_first = False
        if unpack is None:
            yield chunk
            continue
        for piece in _unpacked(unpack, chunk):
            yield piece
        if unpack.eof:
            return  # whatever follows the end of the packed data is no part of it
    # The connection ended in good order, the packed data did not: half a document is none.
    if unpack is not None:
        raise httpx.DecodingError("cut short")


async def _begun(stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    """The pieces of a stream; the first is long enough to see what it begins with."""
    # A server may send its first byte alone; what it packs cannot be told by that.
    head = b""
    async for chunk in stream:
        if len(head) < len(_GZIP):
            head += chunk
            if len(head) >= len(_GZIP):
                yield head
        else:
            yield chunk
    if len(head) < len(_GZIP):
        yield head


def _unpacked(unpack: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    while packed and not unpack.eof:
        try:
            yield unpack.decompress(packed, _CHUNK)
        except zlib.error:
            raise httpx.DecodingError("not gzip") from None
        packed = unpack.unconsumed_tail
