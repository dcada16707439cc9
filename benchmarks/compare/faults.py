"""Ten things that go wrong between an assistant and an API, and what each server makes of them."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.compare.buyers import Buyer
from benchmarks.compare.wire import COUNTED_AS_WHOLE, Reply
from korus_mcp.sandbox.faults import Answer, Delay, DropAfter, Oversize

SLOW_SECONDS: Final = 35
"""Longer than clients of HTTP wait by themselves, shorter than hosts wait for a tool (60 s)."""
PAST_THE_HOLD_SECONDS: Final = 900
PAST_THE_TOKEN_SECONDS: Final = 1900
LARGEST_ANSWER: Final = 25_000
"""Tokens: what a well-known host cuts answers to."""
MARKUP: Final = re.compile(r"</?(?:html|head|body|h1|hr|p|b|br|span|title)\b[^>]*>", re.IGNORECASE)
ORDER: Final = "createOrders"
READ: Final = "getReservation"
QUOTED: Final = 60
"""Characters of an answer that are shown."""


@dataclass(frozen=True)
class Verdict:
    """Whether a server did well, and what was seen."""

    passed: bool
    seen: str


@dataclass(frozen=True)
class Fault:
    """One of the ten: the question that a yes answers well."""

    id: str
    question: str
    play: Callable[[Buyer], Verdict]


def wrong_arguments(buyer: Buyer) -> Verdict:
    """A quantity of none, one in words, and an argument that does not exist."""
    buyer.hold()
    sent = refused = 0
    calls = buyer.wrong()
    for tool, arguments in calls:
        before = buyer.world.seen.others
        reply = buyer.wire.call(tool, arguments)
        sent += buyer.world.seen.others > before
        refused += reply.is_error
    seen = f"{sent} of {len(calls)} sent to the API, {refused} refused"
    return Verdict(sent == 0 and refused == len(calls), seen)


def html_page(buyer: Buyer) -> Verdict:
    """A gateway answers a read with 500 and a page."""
    hold = buyer.hold()
    buyer.world.sandbox.faults.add(Answer(status=500), READ, times=None)
    reply = buyer.held(hold)
    if MARKUP.search(reply.text):
        return Verdict(passed=False, seen=f"the page, {len(reply.text)} characters")
    return Verdict(passed=reply.is_error, seen=f"an error, {_quoted(reply)}")


def slow_order(buyer: Buyer) -> Verdict:
    """The API takes its time for an order, and makes it."""
    hold = buyer.hold()
    buyer.world.sandbox.faults.add(Delay(seconds=SLOW_SECONDS), ORDER)
    began = time.monotonic()
    reply = buyer.order(hold)
    took = time.monotonic() - began
    if buyer.has_order(reply):
        return Verdict(passed=True, seen=f"the order after {took:.0f} s")
    if buyer.is_in_doubt(reply):
        return Verdict(passed=True, seen=f"in doubt after {took:.0f} s")
    return Verdict(passed=False, seen=f"after {took:.0f} s: {_quoted(reply)}")


def lost_answer(buyer: Buyer) -> Verdict:
    """The order is made, and the connection ends before its answer."""
    hold = buyer.hold()
    buyer.world.sandbox.faults.add(DropAfter(), ORDER)
    reply = buyer.order(hold)
    made = len(buyer.world.sandbox.orders())
    if buyer.has_order(reply):
        return Verdict(passed=True, seen=f"found by itself ({made} made)")
    if buyer.is_in_doubt(reply):
        return Verdict(passed=True, seen=f"in doubt ({made} made)")
    return Verdict(passed=False, seen=f"{made} made, told: {_quoted(reply)}")


def a_yes(buyer: Buyer) -> Verdict:
    """The first call to order, before a person said anything."""
    buyer.asked(buyer.hold())
    made = len(buyer.world.sandbox.orders())
    seen = "a summary first" if not made else "ordered at once"
    return Verdict(not made, seen)


def repeated_order(buyer: Buyer) -> Verdict:
    """The call that ordered comes again, as from a host that lost the answer."""
    first = buyer.order(buyer.hold())
    again = buyer.again()
    sent = buyer.world.seen.requests[ORDER]
    made = len(buyer.world.sandbox.orders())
    if buyer.has_order(first) and buyer.has_order(again) and (sent, made) == (1, 1):
        return Verdict(passed=True, seen="sent once, the same order told again")
    seen = f"sent {sent} times, {made} made: only the sandbox refused the second"
    return Verdict(passed=False, seen=seen)


def expired_hold(buyer: Buyer) -> Verdict:
    """A hold is asked about after its end."""
    hold = buyer.hold()
    buyer.world.sandbox.clock.advance(PAST_THE_HOLD_SECONDS)
    reply = buyer.held(hold)
    is_over = buyer.says_expired(reply)
    return Verdict(is_over, "expired" if is_over else f"told: {_quoted(reply)}")


def secrets(buyer: Buyer) -> Verdict:
    """A booking with its file, then a token that has ended: what is looked for is in no answer."""
    buyer.book()
    is_there = not buyer.file().is_error
    buyer.world.sandbox.clock.advance(PAST_THE_TOKEN_SECONDS)
    buyer.tickets_or_error()
    names = ("token", "client secret", "signed address of a file")
    said = [str(call.reply.message) for call in buyer.wire.calls]
    found = [
        name
        for name, secret in zip(names, buyer.world.secrets(), strict=True)
        if any(secret in each for each in said)
    ]
    without = "" if is_there else ", and its file was not to be had"
    seen = ", ".join(found) or f"none in {len(said)} answers"
    return Verdict(not found, seen + without)


def large_answer(buyer: Buyer) -> Verdict:
    """The largest seat map, and an answer of the API of 10 MB."""
    hold, usual = buyer.hold(), buyer.seat_map()
    buyer.world.sandbox.faults.add(Oversize(), READ, times=None)
    large = buyer.held(hold)
    told = f"seat map {usual.tokens:,} tokens, of 10 MB "
    length = len(large.text)
    shown = f"{length / 1e6:.0f} million characters" if length > COUNTED_AS_WHOLE else "an error"
    passed = max(usual.tokens, large.tokens) <= LARGEST_ANSWER
    return Verdict(passed, told + shown)


def loud_text(buyer: Buyer) -> Verdict:
    """A product whose description is HTML that gives the assistant orders."""
    reply = buyer.loud()
    tags = len(MARKUP.findall(reply.text.replace("\\u003c", "<")))
    gives = "toutes les consignes" in reply.text
    if tags:
        return Verdict(
            passed=False, seen=f"raw: {tags} tags" + (" and the orders" if gives else "")
        )
    return Verdict(not reply.is_error, "cleaned, as data" if gives else "not shown in the answer")


FAULTS: Final = (
    Fault("arguments", "Are wrong arguments refused before the API is asked?", wrong_arguments),
    Fault("html", "Is a gateway's HTML page kept from the model?", html_page),
    Fault("slow", "Does an order that takes 35 s end in the order, or in a doubt?", slow_order),
    Fault("lost", "Is an order whose answer was lost found, or told to be in doubt?", lost_answer),
    Fault("yes", "Is a yes asked for before anything is spent?", a_yes),
    Fault("repeated", "Is the same order call, made again, sent once?", repeated_order),
    Fault("expired", "Is a hold that has ended told as ended?", expired_hold),
    Fault("secrets", "Are token, secret and signed addresses in no answer?", secrets),
    Fault("large", "Is no answer larger than 25,000 tokens?", large_answer),
    Fault("loud", "Are third parties' HTML and orders kept from the model raw?", loud_text),
)


def _quoted(reply: Reply) -> str:
    """The beginning of what a model read, on one line."""
    said = " ".join(reply.text.split())
    return f'"{said[:QUOTED]}..."' if len(said) > QUOTED else f'"{said}"'
