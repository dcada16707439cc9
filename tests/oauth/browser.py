"""The browser of a person: from the provider's address to that of a program, saying yes on the way.

Python's own library only: programs start it in environments of their own. `browser.py ADDRESS`
prints where it was sent in the end; `--go` goes there, too, for a program that listens.
"""

import os
import sys
import time
import urllib.request
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit

MOST_STEPS = 12
PATIENCE_SECONDS = 60


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows nothing by itself: the last address need not be answered by anybody."""

    def redirect_request(self, *_: Any) -> None:
        return None


def arrived(person: str, address: str) -> str:
    """Where the provider sends a browser whose person signs in and agrees to whatever is asked."""
    provider = urlsplit(address)[:2]
    opener = urllib.request.build_opener(
        _Stays, urllib.request.HTTPCookieProcessor(CookieJar()), urllib.request.ProxyHandler({})
    )
    for _ in range(MOST_STEPS):
        request = urllib.request.Request(address, headers={"x-person": person})
        try:
            shown = opener.open(request, timeout=PATIENCE_SECONDS).read(500)
        except HTTPError as answer:
            if "location" not in answer.headers:
                shown = answer.read(500)
                raise AssertionError(f"{answer.code} from {address}: {shown!r}") from None
            address = urljoin(address, answer.headers["location"])
            if urlsplit(address)[:2] != provider:
                return address
        else:
            raise AssertionError(f"the provider asks for more at {address}: {shown!r}")
    raise AssertionError(f"the provider leads nowhere: {address}")


def _gone(address: str) -> None:
    """Go to the program, which may begin to listen only now."""
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            urllib.request.urlopen(address, timeout=PATIENCE_SECONDS).read()
        except HTTPError:
            return
        except URLError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    # Who sits before it, and where its visits are counted.
    with Path(os.environ["KORUS_VISITS"]).open("a", encoding="utf-8") as visits:
        visits.write("visit\n")
    *options, start = sys.argv[1:]
    end = arrived(os.environ["KORUS_PERSON"], start)
    print(end, flush=True)  # noqa: T201 - its answer
    if "--go" in options:
        _gone(end)
