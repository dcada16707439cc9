"""reserve: hold offers for some minutes at the price shown."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field

from korus_mcp.answers.alternatives import (
    AlternativesInShort,
    AlternativeView,
    next_step,
    proposal,
    shown,
)
from korus_mcp.answers.conditions import conditions_text
from korus_mcp.answers.holds import IF_WANTED, HoldView, total_text
from korus_mcp.answers.views import Part, Price, View, lines_of
from korus_mcp.api import ApiError
from korus_mcp.app import App, app_of
from korus_mcp.booking.conditions import NO_CONDITIONS, conditions_of
from korus_mcp.booking.doubts import Doubt
from korus_mcp.booking.quote import Unavailable
from korus_mcp.booking.requests import ReserveCall, ReserveItem
from korus_mcp.booking.reserved import FailedItem, Reserved, ReserveState
from korus_mcp.foundation.money import Money
from korus_mcp.foundation.refusals import Faults, Refusal
from korus_mcp.journal.records import JournalDown
from korus_mcp.tools.arguments import AmountOrNone, Language, OfferId, Quantity, SessionId
from korus_mcp.tools.declare import Reply, ToolContext, tool
from korus_mcp.tools.given import Given
from korus_mcp.tools.question_text import doubt_text

NAMED_INSTEAD: Final = 2
"""How many alternatives are named for each offer that is not held, in an answer with holds."""
NO_PRICE_LIMIT: Final = "No price limit was given: max_total was 0."
# A yes to what was said before the summary is none, so that nobody is asked twice.
_SHOW_NEXT: Final = (
    "Call place_order now for the words to show the person; it orders nothing before their yes. "
    "Unused, the hold lapses, at no cost."
)
# Only a warning: the holds exist already, and letting them expire costs nothing.
_ABOVE: Final = "That is more than max_total: order only if the person accepts it."


class Item(BaseModel):
    """One offer to hold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offer_id: OfferId
    quantity: Quantity
    session_ids: Annotated[
        list[SessionId], Field(max_length=10, description="From check_availability")
    ] = []


class FailedView(Part):
    """An offer the issuer would not hold, in its own words, or that cannot be ordered, in ours."""

    offer_id: str
    code: str | None = None
    message: str | None = None
    reason: str | None = None
    alternatives: AlternativesInShort = []

    @classmethod
    def of(cls, item: FailedItem, alternatives: list[AlternativeView]) -> "FailedView":
        """The offer as shown."""
        said = {"reason" if item.is_ours else "message": item.message}
        return cls(offer_id=item.offer_id, code=item.code, alternatives=alternatives, **said)

    def shorter(self, most: int) -> Self:
        """This offer with at most so many alternatives."""
        return self.model_copy(update={"alternatives": self.alternatives[:most]})

    def text(self) -> str:
        """One line of text, and one more for each alternative."""
        code = f" ({self.code})" if self.code else ""
        said = f'not held{code}; the issuer says: "{self.message}"'
        return lines_of(
            f"offer_id {self.offer_id}: {f'{self.reason}{code}' if self.reason else said}",
            *(alternative.text() for alternative in self.alternatives),
        )


class PriceMoveView(Part):
    """A price that changed since it was shown."""

    offer_id: str
    was: Price
    now: Price

    def text(self) -> str:
        """One line of text."""
        return f"Price moved for offer_id {self.offer_id}: {self.was} was shown, {self.now} now."


class ReserveView(View):
    """What is held now."""

    state: ReserveState
    check_again_after: int | None = None
    reservations: list[HoldView] = []
    failed: list[FailedView] = []
    total: Price = None
    above_max_total: bool = False
    """The holds cost more than the caller wanted: the price rose, or they are earlier ones."""
    price_moves: list[PriceMoveView] = []
    replayed: bool = False
    environment: str

    def text(self) -> str:
        """The holds, what failed, and what to do next."""
        again = " (the same call again: these are the holds made before)" if self.replayed else ""
        return lines_of(
            f"{self.state.value} in the {self.environment} environment{again}.",
            *(hold.text() for hold in self.reservations),
            *(failed.text() for failed in self.failed),
            total_text(self.total, self.reservations),
            *(move.text() for move in self.price_moves),
            _ABOVE if self.above_max_total else None,
            self.end,
        )


async def _check(faults: Faults, ctx: ToolContext, given: Given) -> None:
    if not faults:
        return
    services = app_of(ctx)
    language = services.language(given.get("language"))
    for place, item in enumerate(given.get("items") or ()):
        if item is not None and item.offer_id is not None:
            with faults.about(f"items.{place}.offer_id"):
                await services.mirror.check_alias(item.offer_id.alias, language)


@tool(
    title="Reserve tickets",
    read_only=False,
    destructive=False,
    idempotent=True,
    checks=_check,
    early="Looking at what is to be held",
)
async def reserve(
    ctx: ToolContext,
    items: Annotated[
        list[Item],
        Field(min_length=1, max_length=10, description="offer_id, quantity, session_ids"),
    ],
    max_total: Annotated[AmountOrNone | None, Field(description="EUR; holds nothing above")] = None,
    again: Annotated[bool, Field(description="Hold once more")] = False,
    language: Language = None,
) -> Reply[ReserveView]:
    """Hold seats or tickets (concert, theatre, match, museum, theme park) for minutes, at no cost.

    To buy them: place_order. An equal call answers the same holds.
    """
    services = app_of(ctx)
    call = ReserveCall(
        owner=services.principal.key,
        items=tuple(ReserveItem(i.offer_id, i.quantity, tuple(i.session_ids)) for i in items),
        language=services.language(language),
        max_total=Money(max_total) if max_total else None,
        again=again,
    )
    # A refusal before anything is sent names alternatives. What the issuer then refuses is part of
    # the answer, beside what is held.
    try:
        reserved = await services.booking.reserving.reserve(call)
    except Unavailable as refusal:
        raise await _with_alternatives(services, refusal, call) from None
    services.booking.spoken.learn((hold.id for hold in reserved.holds), call.language)
    view = await _view(services, reserved, call)
    # A 0 may be meant as "at no cost", which nothing is: whoever sent it has to know.
    if max_total == 0:
        view = view.model_copy(update={"next": f"{NO_PRICE_LIMIT} {view.next}"})
    return Reply(view)


async def _doubts(services: App, reserved: Reserved, call: ReserveCall) -> Sequence[Doubt]:
    """Orders of the same offers that may exist; none where the journal cannot be read."""
    try:
        return await services.booking.ordering.doubts(call.owner, reserved.holds)
    except JournalDown:
        return ()  # place_order needs the journal, too, and will name them


async def _with_alternatives(services: App, refusal: Unavailable, call: ReserveCall) -> Refusal:
    """The refusal, with what can be booked instead."""
    near = await services.alternatives.instead_of(
        refusal.missed, call.language, at_most=call.max_total, limit=NAMED_INSTEAD
    )
    return Refusal(
        refusal.code,
        refusal.message,
        next_step(near, refusal.next_step),
        fields=refusal.fields,
        alternatives=tuple(proposal(view) for view in shown(services, near)),
    )


async def _instead_of_failed(
    services: App, reserved: Reserved, call: ReserveCall
) -> Mapping[str, list[AlternativeView]]:
    """offer_id -> alternatives, for each offer the issuer would not hold."""
    # Not for an offer that may be ordered or held already: with an alternative there would be two.
    failed = {
        f.offer_id for f in reserved.failed if not f.may_have_been_ordered and not f.may_be_held
    }
    missed = {i.offer: i for i in call.items if str(i.offer) in failed}
    if not missed:
        return {}
    found = await services.alternatives.instead_of_each(
        tuple(missed.values()), call.language, limit=NAMED_INSTEAD
    )
    return {str(offer): shown(services, near) for offer, near in found.items()}


async def _view(services: App, reserved: Reserved, call: ReserveCall) -> ReserveView:
    instead = await _instead_of_failed(services, reserved, call)
    doubts = await _doubts(services, reserved, call)
    holds = [HoldView.of(hold) for hold in reserved.holds]
    return ReserveView.read(
        reserved,
        reservations=holds,
        failed=[FailedView.of(f, instead.get(f.offer_id, [])) for f in reserved.failed],
        price_moves=[PriceMoveView.read(move, offer_id=str(move.offer)) for move in reserved.moves],
        above_max_total=_is_above(reserved, call.max_total),
        note=await _note(services, reserved, call),
        environment=services.settings.environment.value,
        next=_next(reserved, doubts, has_alternatives=any(instead.values())),
    )


async def _note(services: App, reserved: Reserved, call: ReserveCall) -> str | None:
    """What a person must know of what is held, beside lines and total."""
    if not reserved.holds:
        return None
    conditions = NO_CONDITIONS
    # What is held is told, whatever the catalog cannot tell just now: place_order asks it again.
    with suppress(ApiError):
        conditions = await conditions_of(reserved.holds, services.mirror, call.language)
    return conditions_text(reserved.holds, conditions)


def _is_above(reserved: Reserved, max_total: Money | None) -> bool:
    held = reserved.total
    return max_total is not None and held is not None and held.amount > max_total.amount


def _next(reserved: Reserved, doubts: Sequence[Doubt], *, has_alternatives: bool) -> str:
    source = "the alternatives" if has_alternatives else "get_offers"
    # Doubts go first: they decide whether to order at all.
    said = "".join(f"{doubt_text(doubt)} Tell the person so. " for doubt in doubts)
    if reserved.beyond:
        told = " ".join(reserved.beyond)
        said += f"{told} Tell the person so first: let it lapse, at no cost, or order all of it. "
    match reserved.state:
        case ReserveState.HELD:
            return f"{said}{_SHOW_NEXT}"
        # Goes before the next case: an offer that may be ordered must not be replaced.
        case ReserveState.PARTLY_HELD if any(f.may_have_been_ordered for f in reserved.failed):
            return (
                f"{said}Do not reserve anew what may be ordered: call find_orders to see what "
                f"became of it, and tell the person. For what is held: {IF_WANTED}"
            )
        case ReserveState.PARTLY_HELD if any(f.may_be_held for f in reserved.failed):
            return (
                f"{said}Tell the person what is held and what is not. What the issuer gave no "
                "answer for may be held too, and lapses then by itself, at no cost: do not reserve "
                f"it again for {reserved.check_again_after} s. For what is held: {IF_WANTED}"
            )
        case ReserveState.PARTLY_HELD:
            return (
                f"{said}Tell the person what is held and what is not; replacements for the rest "
                f"are chosen from {source}: reserve only those. For what is held: {IF_WANTED}"
            )
        case ReserveState.FAILED:
            return f"Nothing is held. Choose other offers from {source}."
        case ReserveState.IN_DOUBT if reserved.is_under_way:
            return (
                f"{said}The hold is on its way. Ask again: call reserve with the same arguments "
                f"after {reserved.check_again_after} s, within a minute; it is sent once."
            )
        case ReserveState.IN_DOUBT if reserved.failed:
            return (
                f"{said}Beside what is named here the issuer's answer is missing; a hold may exist "
                "and lapses by itself, at no cost. The same call may be repeated after "
                f"{reserved.check_again_after} s, not before."
            )
        case ReserveState.IN_DOUBT:
            return (
                "The issuer's answer is missing; a hold may exist and lapses by itself, at no cost."
                f" The same call may be repeated after {reserved.check_again_after} s, not before."
            )
