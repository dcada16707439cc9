"""Reading bodies: never more than the limit, counted after unpacking."""

import zlib
from collections.abc import AsyncIterator, Iterator
from typing import cast

import anyio
import httpx

from korus_mcp.api.errors import TooLarge
from korus_mcp.api.failures import NETWORK_FAILURES, outcome_of_answered

ERROR_BODY_LIMIT = 64 * 1024
ERROR_BODY_SECONDS = 2.0
_CHUNK = 64 * 1024
_IDENTITY = frozenset({"", "identity"})
_GZIP = frozenset({"gzip", "x-gzip"})


async def whole_body(response: httpx.Response, operation: str, method: str, limit: int) -> bytes:
    """The body of a success, unpacked.

    Raises:
        TooLarge: It passes the limit; reading stops there.
        httpx.HTTPError: The connection or the encoding is broken.
    """
    announced = response.headers.get("content-length", "")
    held = bytearray()
    if not announced.isdecimal() or int(announced) <= limit:
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
    with anyio.move_on_after(ERROR_BODY_SECONDS):
        try:
            async for chunk in _decoded(response):
                held += chunk
                if len(held) > ERROR_BODY_LIMIT:
                    break
        except NETWORK_FAILURES:
            pass
    return bytes(held)


async def _decoded(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body in pieces of at most 64 KiB more than came in, whatever a gzip bomb holds.

    `response.stream` instead of `aiter_bytes`, which unpacks a piece to any size.
    """
    stream = cast("httpx.AsyncByteStream", response.stream)
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in _IDENTITY:
        async for chunk in stream:
            yield chunk
        return
    if coding not in _GZIP:
        raise httpx.DecodingError("a coding nobody asked for")
    unpack = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    async for chunk in stream:
        for piece in _unpacked(unpack, chunk):
            yield piece
        if unpack.eof:
            return
    raise httpx.DecodingError("cut short")


def _unpacked(unpack: "zlib._Decompress", packed: bytes) -> Iterator[bytes]:
    while packed and not unpack.eof:
        try:
            yield unpack.decompress(packed, _CHUNK)
        except zlib.error:
            raise httpx.DecodingError("not gzip") from None
        packed = unpack.unconsumed_tail
