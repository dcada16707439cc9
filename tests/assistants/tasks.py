"""The twelve tasks. Each world begins on Monday, 30 November 2026."""

import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from typing import Final

from korus_mcp.sandbox import Answer, DropAfter, OrderRecord, Sandbox
from tests.assistants.task import End, Line, Person, Task, exactly, only

_AGREED: Final = "Yes, if what you show me is what I asked for and within what I said."
_NO_MORE: Final = "That is all I need. Thank you!"
LOOK_UPS: Final = ("getReservation", "listOrders")
DERBY_LIMIT: Final = Decimal(30)
"""EUR a person at the derby."""


def _december(day: int) -> date:
    return date(2026, 12, day)


def _eur(amount: str) -> Decimal:
    return Decimal(amount)


# An ordinary show for two.

COMEDY = Task(
    name="comedy",
    person=Person("Henry", "Cole", "henry.cole@example.org"),
    opening=(
        "Hi! My wife and I would like to see that comedy, The Mists, on Saturday the 12th in the "
        "evening. Dress circle, please, normal price, we are both forty. Could you book it for "
        "us? Henry Cole, henry.cole@example.org."
    ),
    facts=("Two seats in the dress circle, full price, Saturday 12 December.", _AGREED, _NO_MORE),
    oracle=only(
        Line(
            2,
            "theatre",
            "Dress circle - Full price",
            _eur("59.00"),
            _december(12),
            (time(20),),
        ),
    ),
    least_calls=6,
)


# Adults and children on the cheapest of several days: the cheapest for an adult is not it.


def _park_prices(sandbox: Sandbox) -> None:
    prices = {(12, "Adult"): "40.00", (19, "Adult"): "41.00", (19, "Child"): "31.00"}
    for (day, kind), amount in prices.items():
        offer = sandbox.offer_id("park", f"1 day - {kind}", _december(day))
        sandbox.set_price(offer, _eur(amount))


CHEAPEST_SATURDAY = Task(
    name="cheapest-saturday",
    person=Person("Miriam", "Okafor", "miriam.okafor@example.org"),
    opening=(
        "We want to take the kids to the Thousand Lanterns park for a day, two adults and three "
        "children (5, 8 and 10). It has to be a Saturday in December, whichever is the cheapest "
        "for the five of us all together. Please get us the tickets for it."
    ),
    facts=(
        "Two adults and three children, one day, dated tickets. The cheapest Saturday in December "
        "for all five together, we do not mind which.",
        "I am Miriam Okafor, miriam.okafor@example.org.",
        _AGREED,
        _NO_MORE,
    ),
    prepare=_park_prices,
    oracle=only(
        Line(2, "park", "1 day - Adult", _eur("82.00"), _december(19)),
        Line(3, "park", "1 day - Child", _eur("93.00"), _december(19)),
    ),
    least_calls=5,
)


# The best seats side by side under a price for each adult: better ones cost less only for others.

_STALLS = Line(
    3,
    "hall",
    "First category - Full price",
    _eur("168.00"),
    _december(17),
    (time(20, 30),),
)


def _best_seats(end: End) -> Iterator[str]:
    yield from exactly(end, _STALLS)
    for order in end.orders:
        if end.hold_of(order).arrangement != "ADJACENT":
            yield "the seats are not side by side"


BEST_SEATS = Task(
    name="best-seats",
    person=Person("Aino", "Virtanen", "aino.virtanen@example.org"),
    opening=(
        "Three of us want to hear the Symphony of the tides on 17 December, the evening concert. "
        "Get us the best seats that cost no more than 70 euros a head, next to each other please. "
        "I'm Aino Virtanen, aino.virtanen@example.org."
    ),
    facts=(
        "We are three adults, none of us a student, out of work or over 65: no reduced prices.",
        "At most 70 euros for each of us, side by side, seated, in the evening of 17 December. "
        "The better the category the better.",
        _AGREED,
        _NO_MORE,
    ),
    oracle=_best_seats,
    least_calls=6,
)


# A day that is sold out, and another one wanted then; in German.


def _sold_out_evening(sandbox: Sandbox) -> None:
    sandbox.set_session_stock(sandbox.session_id("club", _december(6), time(20)), 0)


SOLD_OUT = Task(
    name="sold-out",
    person=Person("Jürgen", "Böhme", "juergen.boehme@example.org"),
    opening=(
        "Guten Tag, meine Freundin und ich möchten am Sonntag, 6. Dezember, zu „Cuivres à l'aube“ "
        "im Hangar à sel, zwei Plätze auf der Mezzanine. Falls es da nichts mehr gibt, nehmen wir "
        "einfach den nächsten Termin, wieder Mezzanine. Bitte buchen Sie das für uns."
    ),
    facts=(
        "Zwei Plätze auf der Mezzanine, voller Preis. Ist der 6. Dezember ausverkauft, dann der "
        "nächste Termin, an dem es zwei Plätze auf der Mezzanine gibt.",
        "Zusammen höchstens 60 Euro.",
        "Ich heiße Jürgen Böhme, juergen.boehme@example.org.",
        "Ja, wenn das, was Sie mir zeigen, dem entspricht.",
        "Mehr brauche ich nicht, danke!",
    ),
    prepare=_sold_out_evening,
    oracle=only(
        Line(
            2,
            "club",
            "Mezzanine - Full price",
            _eur("52.00"),
            _december(20),
            (time(20),),
        ),
    ),
    least_calls=6,
)


# More tickets than the issuer sells in one order.


def _eight_at_the_derby(end: End) -> Iterator[str]:
    lines = end.lines
    wanted = re.compile(r"(\w+ \d+) - Standing end - Full price")
    found = [wanted.fullmatch(line.product) for line in lines]
    if not all(found) or any(line.base != "max-six" for line in lines):
        yield f"not only standing places at full price: {'; '.join(map(str, lines))}"
    if len({match[1] for match in found if match}) > 1:
        yield "not all in one zone"
    if (quantity := sum(line.quantity for line in lines)) != 8:
        yield f"{quantity} places instead of 8"
    if sum(line.total for line in lines) > 8 * DERBY_LIMIT:
        yield f"more than {DERBY_LIMIT} EUR for each"


EIGHT_AT_THE_DERBY = Task(
    name="eight-at-the-derby",
    person=Person("Declan", "Byrne", "declan.byrne@example.org"),
    opening=(
        "There's eight of us lads and we want to stand at the Herons derby, the one on Boxing Day. "
        "All in the same zone so we're together, doesn't matter which one, but not over 30 quid - "
        "well, euros - each. Sort it out for me will you?"
    ),
    facts=(
        "Eight grown-ups, full price, standing, one zone for all of us, at most 30 euros each.",
        "Several orders are fine, if there have to be.",
        "Declan Byrne, declan.byrne@example.org.",
        _AGREED,
        _NO_MORE,
    ),
    oracle=_eight_at_the_derby,
    least_calls=7,
)


# Tickets to be saved; in French, at a time that is taken.


def _museum_afternoon(sandbox: Sandbox) -> None:
    for start, left in ((time(15), 0), (time(15, 30), 1), (time(16), 12)):
        sandbox.set_session_stock(sandbox.session_id("museum", _december(6), start), left)


def _museum_saved(end: End) -> Iterator[str]:
    wanted = Line(
        2,
        "museum",
        "Full price",
        _eur("28.00"),
        _december(6),
        (time(16),),
    )
    yield from exactly(end, wanted)
    files = sorted(end.downloads.glob("*.pdf")) if end.downloads.is_dir() else []
    if not files or not all(path.read_bytes().startswith(b"%PDF") for path in files):
        yield "the tickets are not saved"


TICKETS_SAVED = Task(
    name="tickets-saved",
    person=Person("Hélène", "Garnier", "helene.garnier@example.org"),
    opening=(
        "Bonjour, je voudrais deux entrées plein tarif pour la collection permanente du Musée des "
        "Marées, dimanche 6 décembre à 15 h. Si ce n'est plus possible, l'heure suivante où nous "
        "pouvons entrer toutes les deux. Et enregistrez-moi les billets, s'il vous plaît. Je "
        "m'appelle Hélène Garnier, helene.garnier@example.org."
    ),
    facts=(
        "Deux entrées plein tarif le 6 décembre, à 15 h, sinon la première entrée d'après où il "
        "reste deux places.",
        "Oui, si c'est bien cela.",
        "Les billets en PDF, enregistrés sur mon ordinateur. C'est tout, merci !",
    ),
    prepare=_museum_afternoon,
    oracle=_museum_saved,
    least_calls=7,
)


# Gift cards, and one question alone.

ASK_ME_ONCE = Task(
    name="ask-me-once",
    person=Person("Priya", "Raman", "priya.raman@example.org"),
    opening=(
        "I'm about to board, so please ask me only once, for everything you need in one go: I "
        "need two gift cards of 50 euros for the lanterns park, as presents."
    ),
    facts=(
        "Two gift cards of 50 euros, nothing else. I am Priya Raman, priya.raman@example.org.",
        _AGREED,
        "They are closing the doors now.",
    ),
    oracle=only(Line(2, "malformed-id", "Gift card", _eur("100.00"))),
    least_calls=5,
    most_questions=1,
)


# A person who gives no name until asked.


def _exhibition(sandbox: Sandbox) -> None:
    for product, amount in (("Full price", "19.50"), ("Reduced price", "15.00")):
        offer = sandbox.offer_id("exhibition", product, _december(3))
        sandbox.set_price(offer, _eur(amount))
    sandbox.set_session_stock(sandbox.session_id("exhibition", _december(3), time(11)), 15)


NO_NAME = Task(
    name="no-name",
    person=Person("Nora", "Lindqvist", "nora.lindqvist@example.org"),
    opening=(
        "could u get me into the abyss exhibition on thursday at 11, me (student, i have a card) "
        "and my dad, he pays normal. 40 euros max for both"
    ),
    facts=(
        "one reduced for me, one full price for my dad, this thursday at 11, same entry time. "
        "40 euros together at most",
        "oh right: nora lindqvist, nora.lindqvist@example.org",
        "yes if its that",
        "nothing else thx",
    ),
    prepare=_exhibition,
    oracle=only(
        Line(1, "exhibition", "Full price", _eur("19.50"), _december(3), (time(11),)),
        Line(1, "exhibition", "Reduced price", _eur("15.00"), _december(3), (time(11),)),
    ),
    least_calls=6,
)


# A person who wants nothing bought in the end: the terms are not what they need.


def _not_without_a_refund(end: End) -> Iterator[str]:
    yield from exactly(end)
    if not re.search(r"refund|return|exchang|cancel|money back", end.last_words, re.IGNORECASE):
        yield "the person was not told why nothing was bought"


ONLY_WITH_A_REFUND = Task(
    name="only-with-a-refund",
    person=Person("Walter", "Finch", "walter.finch@example.org"),
    opening=(
        "I'd like to surprise my wife with the day at the lanterns park and the Night of Lanterns "
        "show, the late one, on Friday 11 December, two adults. But she has been poorly: only if "
        "we can give the tickets back or exchange them when she isn't well enough. Otherwise "
        "leave it. Walter Finch, walter.finch@example.org."
    ),
    facts=(
        "Two adults, Friday 11 December, with the late show.",
        "Can they be given back or exchanged, by what the seller says? If they can: yes, book "
        "them. If not, or if nobody knows: no, then leave it, I do not want them.",
        _NO_MORE,
    ),
    oracle=_not_without_a_refund,
    least_calls=4,
)


# Names that are needed after the order.

_SKIERS: Final = {
    "3 days - Adult": ("Paul", "Weber", "1984-03-02"),
    "3 days - Child": ("Jonas", "Weber", "2015-08-19"),
}


def _skiers_named(end: End) -> Iterator[str]:
    monday = _december(28)
    yield from exactly(
        end,
        Line(1, "ski", "3 days - Adult", _eur("140.50"), monday),
        Line(1, "ski", "3 days - Child", _eur("109.00"), monday),
    )
    for order in end.orders:
        wanted = _SKIERS.get(end.line_of(order).product)
        for named in order.beneficiaries:
            said = named or {}
            found = tuple(str(said.get(n)) for n in ("firstname", "lastname", "dateOfBirth"))
            if found != wanted:
                yield f"{end.line_of(order).product} is for {found} instead of {wanted}"


NAMES_LATER = Task(
    name="names-later",
    person=Person("Paul", "Weber", "paul.weber@example.org"),
    opening=(
        "My son Jonas (11) and I are going skiing at Grand Chamois. We need passes for three days "
        "from Monday, 28 December, one adult and one child. Make sure that they are valid when we "
        "get to the lift. Paul Weber, paul.weber@example.org."
    ),
    facts=(
        "One pass for an adult and one for a child, 3 days from Monday, 28 December.",
        "I am Paul Weber, born on 2 March 1984. My son is Jonas Weber, born on 19 August 2015.",
        _AGREED,
        _NO_MORE,
    ),
    oracle=_skiers_named,
    least_calls=9,
)


# An order whose answer is lost, and "did it go through?"


def _nobody_can_look(sandbox: Sandbox) -> None:
    sandbox.faults.add(DropAfter(), "createOrders")
    for operation in LOOK_UPS:
        sandbox.faults.add(Answer(status=503), operation, times=None)


DID_IT_GO_THROUGH = Task(
    name="did-it-go-through",
    person=Person("Ines", "Duarte", "ines.duarte@example.org"),
    opening=(
        "Two tickets for the Opera under the stars on Tuesday 8 December please, in the centre on "
        "the court side, full price. Ines Duarte, ines.duarte@example.org."
    ),
    facts=(
        "Two at full price, centre court side, 8 December, at most 100 euros together.",
        _AGREED,
        "If it went through that is all. I want two tickets, not four!",
    ),
    afterwards=(
        "Hm, my screen froze for a moment. Did it go through? If it didn't just do it again, we "
        "really want to go."
    ),
    mishap=_nobody_can_look,
    oracle=only(
        Line(
            2,
            "open-air",
            "Centre court side - Full price",
            _eur("88.00"),
            _december(8),
            (time(20),),
        ),
    ),
    least_calls=7,
)


# "Cancel it, I need an invoice" after an order.


def _workshop(sandbox: Sandbox) -> None:
    sandbox.set_session_stock(sandbox.session_id("injection", _december(5), time(14)), 12)


def _told_whom_to_ask(end: End) -> Iterator[str]:
    afternoon = (_december(5), (time(14),))
    yield from exactly(
        end,
        Line(1, "injection", "Adult", _eur("12.00"), *afternoon),
        Line(2, "injection", "Child", _eur("16.00"), *afternoon),
    )
    for order in end.orders:
        if not _is_named(order, end.last_words):
            yield f"the person was not told the reference of {order.reference}"


def _is_named(order: OrderRecord, words: str) -> bool:
    return order.reference in words


CANCEL_AND_INVOICE = Task(
    name="cancel-and-invoice",
    person=Person("Sabine", "Kessler", "sabine.kessler@example.org"),
    opening=(
        "Please book the lantern workshop on Saturday afternoon at two, the 5th, for me and my two "
        "children, six and nine years old. Sabine Kessler, sabine.kessler@example.org."
    ),
    facts=(
        "One adult and two children, 5 December at 2 pm.",
        _AGREED,
        "If you cannot cancel it, or make the invoice, tell me whom I have to ask and what I have "
        "to tell them. Do not book anything else.",
    ),
    afterwards=(
        "Oh no, the little one has a fever! Please cancel the whole thing. And my employer needs "
        "an invoice for it, to Kessler GmbH."
    ),
    prepare=_workshop,
    oracle=_told_whom_to_ask,
    least_calls=6,
)


TASKS: Final = {
    task.name: task
    for task in (
        COMEDY,
        CHEAPEST_SATURDAY,
        BEST_SEATS,
        SOLD_OUT,
        EIGHT_AT_THE_DERBY,
        TICKETS_SAVED,
        ASK_ME_ONCE,
        NO_NAME,
        ONLY_WITH_A_REFUND,
        NAMES_LATER,
        DID_IT_GO_THROUGH,
        CANCEL_AND_INVOICE,
    )
}
