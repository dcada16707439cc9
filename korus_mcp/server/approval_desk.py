"""What a page on which a person answers shows and reads, wherever it is served and whoever is let
in there.
"""

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Final
from urllib.parse import parse_qs

from cachetools import TTLCache
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from korus_mcp.answers.asked import Words, words
from korus_mcp.booking.by_hand import ByHand, Found
from korus_mcp.server.approval_page import headers, question_page, told_page

SHOWN_SECONDS: Final = 90
"""A page that was asked for so lately counts as open: browsers slow pages in the background down to
one look a minute."""
BODY_BYTES: Final = 4096
ANSWERS: Final = ("yes", "no")


class Looks:
    """Knows which questions somebody had before them just now."""

    def __init__(self) -> None:
        self._lately: TTLCache[str, bool] = TTLCache(1000, SHOWN_SECONDS)

    def is_shown(self, code: str) -> bool:
        """Whether the question's page was asked for, or opened, just now."""
        return code in self._lately

    def note_shown(self, code: str) -> None:
        """Note that the question's page was asked for."""
        self._lately[code] = True


def page(render: Callable[..., str], status: int = 200) -> Response:
    """A page under a nonce of its own."""
    nonce = secrets.token_urlsafe(16)
    return HTMLResponse(render(nonce=nonce), status, headers(nonce))


def told(text: str, said: Words, status: int = 200) -> Response:
    """A page that only says something."""
    return page(partial(told_page, text, said), status)


def question(by_hand: ByHand, found: Found, said: Words, token: str) -> Response:
    """The question with yes and no, or what became of it; a form carries the token."""
    asked, shown = found
    left = asked.open_until - by_hand.clock.now()
    if asked.is_yes is not None:
        return told(said.said_yes if asked.is_yes else said.said_no, said)
    if shown is None or left <= timedelta(0):
        return told(said.over, said)
    return page(partial(question_page, shown, said, left=left, token=token))


def state(*, is_open: bool, status: int = 200) -> Response:
    """Whether a question is open still, for the page that shows it."""
    return JSONResponse({"state": "open" if is_open else "over"}, status, headers())


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once; none of one that is larger than ours is."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_BYTES:
            return {}
    fields = parse_qs(body.decode("latin-1"))
    return {name: values[0] for name, values in fields.items() if len(values) == 1}


async def unreadable(request: Request, error: Exception) -> Response:
    """The answer while the journal does not work: nobody knows what it says."""
    del error  # its reason is in the log
    said = words_for(request)
    return told(said.gone, said, 503)


def words_for(request: Request) -> Words:
    """The words for whoever asks, by the language that their browser names first."""
    return words(request.headers.get("accept-language", ""))
