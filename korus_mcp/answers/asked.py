"""What a person reads of a question beside the host, in English and French: page and terminal say
the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from korus_mcp.answers.seats import counted
from korus_mcp.booking.conditions import Attached
from korus_mcp.foundation.text import inert_line

if TYPE_CHECKING:
    from korus_mcp.booking.by_hand import Shown, ShownDoubt, ShownLine

FRENCH: Final = "fr"
AGES_LENGTH: Final = 120
"""In characters, of a sentence of an issuer about ages."""
_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}


@dataclass(frozen=True)
class Words:
    """All that is said in one language; `{}` is filled in."""

    language: str
    question: str
    worlds: dict[str, str]
    seats: str
    apart: str
    total: str
    buyer: str
    note: str
    terms: str
    for_real: str
    left: str
    yes: str
    no: str
    said_yes: str
    said_no: str
    said_nothing: str
    over: str
    unknown: str
    elsewhere: str
    gone: str
    made: str
    in_doubt: str
    several_orders: str
    several_tickets: str
    for_each: str
    for_some: str
    at_most: str
    names: str
    ages: str
    ask: str
    not_signed_in: str
    no_provider: str
    as_somebody_else: str
    yes_keys: tuple[str, str]
    """The letter that `ask` names for a yes, and the whole word: nothing else that is typed is one,
    not even what is a yes in another language."""


_EN: Final = Words(
    language="en",
    question="Order this?",
    worlds={
        "sandbox": "Sandbox: all of it is invented.",
        "demo": "Demo environment: the order is not real.",
        "production": "This is a real order, and it costs money.",
    },
    seats="Seats",
    apart="not together",
    total="Total",
    buyer="Buyer",
    note="Note for the issuer",
    terms="Terms of sale",
    for_real="It cannot be cancelled here, and no mail is promised.",
    left="Time left to answer:",
    yes="Yes, order for {}",
    no="No",
    said_yes="You said yes. The order is sent as soon as your assistant asks for it again.",
    said_no="You said no. Nothing is ordered.",
    said_nothing="You said nothing: nothing is ordered, and the question stays open for its time.",
    over="The time to answer is over. Nothing was ordered here.",
    unknown="No question is open here: it ended, was answered, or another took its place. Nothing "
    "is ordered from here.",
    elsewhere="Your assistant wants to order something, and only you can say yes: on the page that "
    "opened in your browser, or in a terminal with",
    gone="The program that asked has ended or does not answer: this page can do nothing more. Ask "
    "your assistant what became of the order.",
    made="An order of the same was made before (order {}): this would be one more.",
    in_doubt="An order of the same (reservation {}) may have been made already: this may be a "
    "second one.",
    several_orders="This makes {} orders, one for each reservation.",
    several_tickets="These are {} tickets, {}, such as entry and show.",
    for_each="{} for each person",
    for_some="several for some",
    at_most="The issuer allows at most {} in one order.",
    names="The issuer may ask for the holders' names after the order.",
    ages='The issuer says: "{}"',
    ask="Order this? y = yes, anything else = no: ",
    not_signed_in="You are not signed in: it failed, was refused, or took too long. Nothing is "
    "ordered by this page. Open the address that your assistant gave you once more.",
    no_provider="You cannot sign in just now: the sign-in does not answer. Nothing is ordered by "
    "this page. Open its address again in some minutes.",
    as_somebody_else="Sign in as somebody else",
    yes_keys=("y", "yes"),
)
_FR: Final = Words(
    language="fr",
    question="Passer cette commande ?",
    worlds={
        "sandbox": "Bac à sable : tout est inventé.",
        "demo": "Environnement de démonstration : la commande n'est pas réelle.",
        "production": "C'est une vraie commande, qui sera facturée.",
    },
    seats="Places",
    apart="pas côte à côte",
    total="Total",
    buyer="Acheteur",
    note="Remarque pour l'émetteur",
    terms="Conditions de vente",
    for_real="Elle ne peut pas être annulée ici, et aucun e-mail n'est promis.",
    left="Temps restant pour répondre :",
    yes="Oui, commander pour {}",
    no="Non",
    said_yes="Vous avez dit oui. La commande part dès que votre assistant la redemande.",
    said_no="Vous avez dit non. Rien n'est commandé.",
    said_nothing="Vous n'avez rien dit : rien n'est commandé, la question reste ouverte le temps "
    "prévu.",
    over="Le délai de réponse est passé. Rien n'a été commandé ici.",
    unknown="Aucune question n'est ouverte ici : elle est close, a reçu sa réponse, ou une autre "
    "l'a remplacée. Rien n'est commandé d'ici.",
    elsewhere="Votre assistant veut passer une commande, et vous seul pouvez dire oui : sur la "
    "page ouverte dans votre navigateur, ou dans un terminal avec",
    gone="Le programme qui a posé la question est terminé ou ne répond plus : cette page ne peut "
    "plus rien. Demandez à votre assistant où en est la commande.",
    made="Une même commande a déjà été passée (commande {}) : ce serait une de plus.",
    in_doubt="Une même commande (réservation {}) a peut-être déjà été passée : ce serait alors la "
    "deuxième.",
    several_orders="Cela fait {} commandes, une par réservation.",
    several_tickets="Cela fait {} billets, {}, par exemple l'entrée et le spectacle.",
    for_each="{} par personne",
    for_some="plusieurs pour certains",
    at_most="L'émetteur en accepte au plus {} par commande.",
    names="L'émetteur peut demander le nom des porteurs après la commande.",
    ages="L'émetteur précise : « {} »",
    ask="Passer cette commande ? o = oui, toute autre réponse = non : ",
    not_signed_in="Vous n'êtes pas connecté : la connexion a échoué, a été refusée ou a trop duré. "
    "Cette page ne commande rien. Ouvrez à nouveau l'adresse que votre assistant vous a donnée.",
    no_provider="La connexion ne répond pas pour le moment. Cette page ne commande rien. Ouvrez à "
    "nouveau son adresse dans quelques minutes.",
    as_somebody_else="Se connecter sous un autre nom",
    yes_keys=("o", "oui"),
)

LANGUAGES: Final = (_EN, _FR)
"""All languages in which a person is asked."""


def words(language: str) -> Words:
    """The words for a person who reads this language: French, else English."""
    return _FR if language.lower().startswith(FRENCH) else _EN


def lines_of(shown: "Shown", said: Words) -> Iterator[str]:
    """Each thing that is bought, with its day and amount."""
    for line in shown.lines:
        facts = (f"{line.quantity} × {line.product}", *_when(line, said), line.amount)
        yield ", ".join(fact for fact in facts if fact)


def facts_of(shown: "Shown", said: Words) -> Iterator[tuple[str, str]]:
    """The other facts, each with its name."""
    if shown.seats:
        apart = f" ({said.apart})" if shown.are_apart else ""
        yield said.seats, "; ".join(counted(shown.seats)) + apart
    yield said.total, shown.total
    yield said.buyer, shown.customer
    if shown.notes:
        yield said.note, shown.notes


def attached_told(attached: Attached, said: Words) -> Iterator[str]:
    """What a purchase brings with it, in sentences; nothing where all is as usual."""
    if attached.orders > 1:
        yield said.several_orders.format(attached.orders)
    tickets, units = attached.tickets, attached.units
    if tickets > units > 0:
        is_even = tickets % units == 0
        each = said.for_each.format(tickets // units) if is_even else said.for_some
        yield said.several_tickets.format(tickets, each)
    for most in attached.most:
        yield said.at_most.format(most)
    if attached.names_holders:
        yield said.names
    for each in attached.ages:
        yield said.ages.format(inert_line(each, AGES_LENGTH))


def doubts_of(shown: "Shown", said: Words) -> Iterator[str]:
    """Earlier orders of the same, of which a person must know before they say yes."""
    for each in shown.doubts:
        yield _doubt(each, said)


def _moment(at: datetime, said: Words) -> str:
    """A moment in words, by the offset it has."""
    return f"{_day(at, said)}, {at:%H:%M}"


def _doubt(doubt: "ShownDoubt", said: Words) -> str:
    if doubt.order_id is not None:
        return said.made.format(doubt.order_id)
    return said.in_doubt.format(doubt.reservation_id)


def _when(line: "ShownLine", said: Words) -> Iterator[str]:
    for each in line.when:
        is_day = "T" not in each
        yield (
            _day(date.fromisoformat(each), said)
            if is_day
            else _moment(datetime.fromisoformat(each), said)
        )


def _day(day: date, said: Words) -> str:
    return f"{day.day} {_MONTHS[said.language].split()[day.month - 1]} {day.year}"
