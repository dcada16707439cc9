"""Help as resources: how a booking goes, and what each error code means."""

from typing import Final

from korus_mcp.refusals import Code
from korus_mcp.resources.offering import OURS, Offering
from korus_mcp.resources.reading import TEXT

BOOKING: Final = """# How a booking goes

1. `search_products` finds product bases; `get_offers` lists days and prices.
2. `check_availability` asks the issuer now; where an offer needs a session, choose one.
3. `reserve` holds the offers for some minutes. A hold costs nothing and lapses by itself.
4. `place_order` first answers a summary and a confirmation. When the person agreed, call it again
   with the confirmation: this books for real and cannot be cancelled here.
5. `get_tickets` shows tickets and documents. Some issuers want each holder's name first:
   `name_beneficiaries`.

An answer `in_doubt` means that the issuer's answer was lost. Do not reserve or order again: call
`get_reservation` after the time it names. A repeated call never orders twice.
"""

MEANINGS: Final[dict[Code, str]] = {
    Code.INVALID_ARGUMENTS: "An argument is wrong; the named fields say which and how.",
    Code.UNKNOWN_ID: "An id that was not given out here.",
    Code.NOT_FOUND: "It does not exist (any more), or is not yours.",
    Code.PAST_DATE: "The day is over at the venue.",
    Code.NO_SUCH_CHOICE: "No option, catalog or zone of that name; the choices are listed.",
    Code.SESSION_REQUIRED: "A session is missing, not of this offer, or not needed.",
    Code.SOLD_OUT: "Not enough is left.",
    Code.NOT_BOOKABLE: "The issuer states no price or ticket for it.",
    Code.PRICE_CHANGED: "It costs more than max_total now; nothing was held.",
    Code.HOLD_EXPIRED: "The hold is over or too close to its end.",
    Code.ALREADY_ORDERED: "The reservation was ordered before.",
    Code.ALREADY_BEING_ORDERED: "Another order of it is under way.",
    Code.APPROVAL_REQUIRED: "The person has to agree to exactly this first.",
    Code.APPROVAL_UNAVAILABLE: "No way is open to ask a person.",
    Code.APPROVAL_DECLINED: "The person said no.",
    Code.APPROVAL_EXPIRED: "The agreement is too old.",
    Code.LIMIT_EXCEEDED: "A limit of the operator or the issuer.",
    Code.UNSUPPORTED_CURRENCY: "Only euro can be booked.",
    Code.NOT_READY: "The document is not ready yet.",
    Code.NOT_ALLOWED: "The account may not do this.",
    Code.UPSTREAM_REFUSED: "KorusTicket refused the data; nothing was done.",
    Code.UPSTREAM_UNAVAILABLE: "KorusTicket does not answer properly.",
    Code.OUTCOME_UNKNOWN: "An answer was lost: look before you act.",
    Code.SERVER_BUSY: "Too many calls; wait.",
    Code.MISCONFIGURED: "The operator has to look at this.",
}


def errors() -> str:
    """The table of error codes."""
    rows = "".join(f"| `{code}` | {meaning} |\n" for code, meaning in MEANINGS.items())
    return f"# Error codes\n\n| code | meaning |\n|---|---|\n{rows}"


def offer_help(offering: Offering) -> None:
    """Offer the help texts."""

    @offering.add(
        "korus://help/booking",
        name="help-booking",
        title="How a booking goes",
        description="The order of calls, and what to do in doubt.",
        mime_type=TEXT,
        fresh=OURS,
    )
    async def booking_help() -> str:
        return BOOKING

    @offering.add(
        "korus://help/errors",
        name="help-errors",
        title="Error codes",
        description="What each code means.",
        mime_type=TEXT,
        fresh=OURS,
    )
    async def error_help() -> str:
        return errors()
