"""Reading the bodies of answers: never more than a limit, counted after decompression."""

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
    """The body of a success, decompressed.

    Raises:
        TooLarge: The body passes the limit; reading stops there.
        httpx.HTTPError: The connection or the encoding is broken.
    """
    held = bytearray()
    # A body announced as too long is not read at all; a false announcement is caught below.
    if _announced(response) <= limit:
        async for chunk in _decoded(response):
            held += chunk
            if len(held) > limit:
                break
        else:
            return bytes(held)
    raise TooLarge(operation, outcome_of_answered(method))


async def beginning_of(response: httpx.Response) -> bytes:
    """The beginning of an error's body, as much as comes at once: its text only adds detail."""
    held = bytearray()
    # The status, which decides, is known already: nobody waits long for the text.
    with anyio.move_on_after(ERROR_BODY_SECONDS), suppress(*NETWORK_FAILURES):
        async for chunk in _decoded(response):
            held += chunk
            if len(held) > ERROR_BODY_LIMIT:
                break
    return bytes(held)


def _announced(response: httpx.Response) -> int:
    """The length that the headers state for a body; 0 where they state nothing sensible."""
    text = response.headers.get("content-length", "")
    # A number with more digits than any length has: thousands of digits are slow to parse.
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else 0


async def _decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """The decompressed body, in pieces that a gzip bomb cannot make larger than 64 KiB.

    A compressed body is recognised by its first bytes, which neither JSON nor a PDF begins with:
    the `Content-Encoding` header may be wrong. `response.stream` is read and not `aiter_bytes`,
    which decompresses a piece to any size.
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
            return  # bytes behind the end of the compressed data do not belong to the body
    # The connection ended in good order, the compressed data did not: half a document is no use.
    if unpack is not None:
        raise httpx.DecodingError("cut short")


async def _begun(stream: httpx.AsyncByteStream) -> AsyncIterator[bytes]:
    """The pieces of a stream; the first has at least as many bytes as a gzip signature."""
    # A server may send the first byte alone, by which gzip cannot be recognised.
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
