import gzip
from typing import Any

import httpx
import pytest

from korus_mcp.answers.explanations import explained
from korus_mcp.api import (
    ApiError,
    DocumentRefused,
    Forbidden,
    Malformed,
    OrderDocumentLink,
    Redirected,
    TooLarge,
)
from korus_mcp.api.documents import checked_address
from korus_mcp.foundation.refusals import Code
from tests.api.wire import Net, RawAnswer, config

GOOD = "https://documents.example.test/orders/d1.pdf?Expires=1&Signature=a%2Bb~=="
PDF = b"%PDF-1.7\n..."
MIB = 1024 * 1024

HOSTILE = [
    "",
    "documents.example.test/x",
    "//documents.example.test/x",
    "http://documents.example.test/x",
    "ftp://documents.example.test/x",
    "file:///etc/passwd",
    "javascript://documents.example.test/x",
    "HTTPS://documents.example.test/x",
    " https://documents.example.test/x",
    "https://documents.example.test/x ",
    "https://documents.example.test/x\n",
    "https://documents.example.test/x\r\nHost: evil",
    "https://documents.example.test/\x00",
    "https:/documents.example.test/x",
    "https:///documents.example.test/x",
    "https:documents.example.test/x",
    "https:\\\\documents.example.test\\x",
    "https://documents.example.test\\@evil.example/x",
    "https://documents.example.test",
    "https://documents.example.test?x",
    "https://documents.example.test#@evil.example/",
    "https://documents.example.test/x#frag",
    "https://documents.example.test:80/x",
    "https://documents.example.test:8443/x",
    "https://documents.example.test:0/x",
    "https://documents.example.test:/x",
    "https://documents.example.test:443443/x",
    "https://documents.example.test:٤٤٣/x",
    "https://documents.example.test.:443/x",
    "https://documents.example.test./x",
    "https://documents.example.test.evil.example/x",
    "https://evil.example/documents.example.test/x",
    "https://evil-documents.example.test/x",
    "https://sub.documents.example.test/x",
    "https://example.test/x",
    "https://user@documents.example.test/x",
    "https://user:pass@documents.example.test/x",
    "https://documents.example.test@evil.example/x",
    "https://documents.example.test:443@evil.example/x",
    "https://documents.example.test%40evil.example/x",
    "https://documents.example.test%2f@evil.example/x",
    "https://documents.example.test%00.evil.example/x",
    "https://documents。example。test/x",
    "https://dоcuments.example.test/x",
    "https://xn--dcuments-r8a.example.test/x",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::ffff:127.0.0.1]/x",
    "https://[::1]/x",
    "https://127.0.0.1/x",
    "https://localhost/x",
    "https://2130706433/x",
    "https://0x7f.1/x",
    "https://0/x",
    "https://[fe80::1%25eth0]/x",
    "https://api.example.test/v1/booking/orders",
    "https://auth.example.test/token",
    "https://documents.example.test/" + "a" * 5000,
    "https://documents.example.test/é",
    "https://documents.example.test/<x>",
    "https://documents.example.test/\u202e",
    "http://127.0.0.1:8001/x",
    "http://localhost:8001/x",
]

pytestmark = pytest.mark.anyio


def link(url: str = GOOD) -> OrderDocumentLink:
    return OrderDocumentLink(temporary_url=url)


def net_with(result: Any) -> tuple[Net, Any]:
    net = Net()
    route = net._answer(net.router.get(host="documents.example.test"), (result,))
    return net, route


@pytest.mark.parametrize("url", HOSTILE)
async def test_a_hostile_address_is_never_called(url: str) -> None:
    net = Net()
    route = net.router.route()
    with pytest.raises(DocumentRefused) as refused:
        await net.api.booking.download_document(link(url))
    assert route.call_count == 0
    assert "example" not in str(refused.value)


@pytest.mark.parametrize(
    "url", [GOOD, "https://documents.example.test:443/x", "https://Documents.Example.TEST/x"]
)
async def test_an_allowed_address_is_called_as_it_is(url: str) -> None:
    net, route = net_with(httpx.Response(200, content=PDF))
    assert await net.api.booking.download_document(link(url)) == PDF
    request = route.calls[0].request
    assert str(request.url) == str(httpx.URL(url))
    assert request.url.query.decode() == url.partition("?")[2]
    assert "authorization" not in request.headers
    assert "cookie" not in request.headers
    assert request.headers["host"] == "documents.example.test"


@pytest.mark.parametrize(
    ("api_url", "url", "allowed"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8001/x", True),
        ("http://127.0.0.1:8000", "http://localhost:8001/x", True),
        ("http://127.0.0.1:8000", "http://[::1]:8001/x", True),
        ("http://127.0.0.1:8000", "https://127.0.0.1/x", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8002/x", False),
        ("http://127.0.0.1:8000", "http://documents.example.test/x", False),
        ("http://127.0.0.1:8000", "https://documents.example.test/x", True),
        ("https://api.example.test", "http://127.0.0.1:8001/x", False),
        ("https://api.example.test", "https://127.0.0.1:8001/x", False),
    ],
)
async def test_loopback_serves_loopback(api_url: str, url: str, *, allowed: bool) -> None:
    hosts = {"127.0.0.1:8001", "localhost:8001", "[::1]:8001", "documents.example.test"}
    settings = config(api_url=api_url, document_hosts=frozenset(hosts))
    if allowed:
        assert checked_address(url, settings) == url
    else:
        with pytest.raises(DocumentRefused):
            checked_address(url, settings)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (httpx.Response(200, content=b"<html>%PDF-"), DocumentRefused),
        (httpx.Response(200, content=b""), DocumentRefused),
        (httpx.Response(302, headers={"location": GOOD}), Redirected),
        (httpx.Response(403, text="<Error>expired</Error>"), Forbidden),
        (RawAnswer(b"\x0b\x05\x80PDF\x03", content_encoding="br"), DocumentRefused),
        (RawAnswer(gzip.compress(PDF)[:-9], content_encoding="gzip"), Malformed),
        (RawAnswer(PDF, content_length=str(21 * MIB)), TooLarge),
    ],
)
async def test_what_is_no_pdf_is_refused(result: Any, error: type[ApiError]) -> None:
    net, route = net_with(result)
    with pytest.raises(error) as refused:
        await net.api.booking.download_document(link())
    assert "Signature" not in f"{refused.value}{refused.value!r}"
    assert route.call_count == 1


BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    "before",
    [
        BOM,
        b"\r\n",
        BOM + b"\r\n\r\n",
        b"\x00",
        b"Notice: a variable is not defined in /srv/a.php on line 3\r\n",
        b"<br />\n<b>Notice</b>:  a variable is not defined<br />\n",
        b"x" * 1023,
    ],
)
async def test_what_stands_before_the_header_of_a_pdf_does_not_matter(before: bytes) -> None:
    net, _ = net_with(httpx.Response(200, content=before + PDF))
    assert await net.api.booking.download_document(link()) == before + PDF


@pytest.mark.parametrize(
    "content",
    [
        b"x" * 1024 + PDF,
        b"%PDF",
        b"see %PDF-files",
        b"<!DOCTYPE html><p>%PDF-1.7",
        BOM + b"\r\n <HTML><pre>%PDF-1.7",
        b'<?xml version="1.0"?><Error>%PDF-1.7</Error>',
    ],
)
async def test_a_page_or_a_late_header_makes_no_pdf(content: bytes) -> None:
    net, _ = net_with(httpx.Response(200, content=content))
    with pytest.raises(DocumentRefused):
        await net.api.booking.download_document(link())


@pytest.mark.parametrize(
    ("url", "result", "reason", "host"),
    [
        ("https://cdn.example.net/x?sig=a", None, "host not allowed", "cdn.example.net"),
        ("ftp://cdn.example.net/x?sig=a", None, "not a plain address", "cdn.example.net"),
        ("http://documents.example.test/x?sig=a", None, "not https", "documents.example.test"),
        ("https://documents.example.test:8443/x?sig=a", None, "not port 443", ":8443"),
        ("https://[bad/x?sig=a", None, "not a plain address", "not named"),
        (GOOD, httpx.Response(200, text="no file"), "not a PDF file", "documents.example.test"),
        (GOOD, RawAnswer(PDF, content_length=str(21 * MIB)), "too large", "documents."),
        (GOOD, httpx.Response(302, headers={"location": GOOD}), "redirect", "documents."),
    ],
)
async def test_what_is_refused_for_good_is_logged_with_host_and_reason(
    url: str, result: Any, reason: str, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    net, _ = net_with(result or httpx.Response(200, content=PDF))
    with pytest.raises(ApiError) as refused:
        await net.api.booking.download_document(link(url))
    assert reason in caplog.text
    assert host in caplog.text
    for secret in ("sig=", "Signature", "/x"):
        assert secret not in caplog.text
    told = explained(refused.value)
    assert told.code is Code.MISCONFIGURED
    assert told.retry_after_seconds is None
    assert "again" not in told.next_step
    assert ("KORUS_DOCUMENT_HOSTS" in told.next_step) == (reason == "host not allowed")


async def test_a_download_that_stumbles_is_repeated() -> None:
    net = Net()
    route = net._answer(
        net.router.get(host="documents.example.test"),
        (httpx.ReadError, httpx.Response(503), httpx.Response(200, content=PDF)),
    )
    assert await net.api.booking.download_document(link()) == PDF
    assert route.call_count == 3


async def test_a_packed_file_is_unpacked() -> None:
    net, _ = net_with(RawAnswer(gzip.compress(PDF), content_encoding="gzip"))
    assert await net.api.booking.download_document(link()) == PDF


async def test_a_file_of_twenty_mebibytes_is_the_most() -> None:
    most = [PDF.ljust(MIB), *[b"x" * MIB] * 19]
    net, _ = net_with(RawAnswer(*most))
    assert len(await net.api.booking.download_document(link())) == 20 * MIB
    endless = RawAnswer(*most, *[b"x" * 65536] * 1000)
    net, _ = net_with(endless)
    with pytest.raises(TooLarge):
        await net.api.booking.download_document(link())
    assert endless.taken == 21
