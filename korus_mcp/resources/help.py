"""Help as resources: how a booking goes, and what each error code means."""

from typing import Final

from korus_mcp.foundation.refusals import MEANINGS, STATES, Code
from korus_mcp.resources.boundary import TEXT
from korus_mcp.resources.offering import OURS, Offering

BOOKING: Final = """# How a booking goes

1. `search_products` finds product bases; `get_offers` lists days and prices.
2. `check_availability` asks the issuer now; where an offer needs a session, choose one.
3. `reserve` holds the offers for some minutes. A hold costs nothing and lapses by itself.
4. `place_order` books for real and cannot be cancelled here, so a person has to agree. The host
   asks them where it can; a no is final for ten minutes. Where it cannot, the first call answers a
   summary and a confirmation: show it and ask once, for the yes and for what is missing of the
   customer; then call again with both. A yes to what was said before the summary does not count.
5. `get_tickets` shows tickets and documents. Some issuers want each holder's name first:
   `name_beneficiaries`.

After the order: nothing here cancels, exchanges or refunds it, and nothing here writes an invoice.
Whoever wants one of these gives KorusTicket support the reference that `get_tickets` shows, where
the totals with and without tax stand, too, as far as the issuer states them. The issuer has a
number of its own, which is in the calendar file and in `find_orders`.
Who has only an e-mail address: staff find the order with `find_orders`, by the address and the days
on which it may have been made. `save` also writes a calendar file (.ics) of what has a day.

A hold that is over may be made anew, but only for what is over, and only if the person still wants
it: what was ordered, or may have been, is never reserved again.

An answer `in_doubt` means that the issuer's answer was lost. Of `place_order`: do not reserve or
order again, call `get_reservation` after the time it names. Of `reserve`: after the time it names,
the same call may be repeated; a hold that came unseen lapses by itself. A repeated call never
orders twice.
"""

CODES: Final = """# Error codes

An error says in `effect` what the refused call left behind: none, held, ordered or unknown.

| code | when | effect | next |
|---|---|---|---|
"""
STATED: Final = """
A `state` is an answer, no error: what stands then, and the code that says the same.

| state | effect | code |
|---|---|---|
"""


def errors() -> str:
    """The codes and states, each with what it means and what it leaves behind."""
    text = CODES
    for code in Code:
        meaning = MEANINGS[code]
        effects = ", ".join(meaning.effects)
        text += f"| `{code}` | {meaning.when} | {effects} | {meaning.next_step} |\n"
    text += STATED
    for state, standing in STATES.items():
        code_of_it = f"`{standing.code}`" if standing.code else "-"
        text += f"| `{state}` | {standing.effect} | {code_of_it} |\n"
    return text


def offer_help(offering: Offering) -> None:
    """Offer the help texts."""
    offering.add(help_booking, "korus://help/booking", "How a booking goes", OURS, TEXT, needs=None)
    offering.add(help_errors, "korus://help/errors", "Error codes", OURS, TEXT, needs=None)


async def help_booking() -> str:
    """The order of calls, and what to do in doubt."""
    return BOOKING


async def help_errors() -> str:
    """What each code means, what it leaves behind, what to do next."""
    return errors()
