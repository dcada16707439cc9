"""What of a call's arguments can be read, also where others of them are wrong.

A call is refused once, with all that is wrong with it: some hosts end a conversation at the second
refusal in a row. So what a tool checks beyond the form of its arguments is checked of those that
have the right form, even if the call is refused for another one.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Any, TypeAlias, get_args, get_origin

from pydantic import BaseModel, ValidationError, create_model

from korus_mcp.catalog import calendar
from korus_mcp.foundation.refusals import Faults


@dataclass(frozen=True)
class Given:
    """The arguments of a call, None for those in `wrong`; of an object or a list of objects that is
    wrong, the members that are not. An entry that is no object is None. An unknown argument is
    wrong, too: it may be one of the known ones in another spelling.
    """

    values: Any
    wrong: frozenset[str] = frozenset()

    def get(self, name: str) -> Any:
        """An argument; its default where it was left out, None where it is wrong."""
        return getattr(self.values, name)

    def are_right(self, *names: str) -> bool:
        """Whether all of these have the right form, or were left out."""
        return self.wrong.isdisjoint(names)


Checks: TypeAlias = Callable[[Faults, Any, Given], Awaitable[None]]
"""What a tool checks of its arguments beyond their form: all that is known without a request. The
second argument is the context of the call."""


def partly_given(arguments: Mapping[str, Any], model: type[BaseModel]) -> Given:
    """Of arguments that a model refuses, those that it would take one by one."""
    values: dict[str, Any] = {}
    wrong = set(arguments) - set(model.model_fields)
    for name, field in model.model_fields.items():
        values[name] = None if field.is_required() else field.get_default(call_default_factory=True)
        if name not in arguments:
            wrong |= {name} if field.is_required() else set()
            continue
        try:
            found = _alone(model, name).model_validate({name: arguments[name]})
        except ValidationError:
            wrong.add(name)
            values[name] = _parts(arguments[name], field.annotation)
        else:
            values[name] = getattr(found, name)
    return Given(SimpleNamespace(**values), frozenset(wrong))


@cache
def _alone(model: type[BaseModel], name: str) -> type[BaseModel]:
    field = model.model_fields[name]
    fields: dict[str, Any] = {name: (field.annotation, field)}
    return create_model(f"{model.__name__}_{name}", **fields)


def _parts(value: Any, annotation: Any) -> Any:
    """An object, or a list of objects, with the members that have the right form; else None."""
    if get_origin(annotation) is list and isinstance(value, list):
        (entry,) = get_args(annotation)
        return [_parts(each, entry) for each in value] if _is_object(entry) else None
    is_there = _is_object(annotation) and isinstance(value, Mapping)
    return partly_given(value, annotation).values if is_there else None


def _is_object(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


async def check_reservations(faults: Faults, ctx: Any, given: Given) -> None:
    """Check of a call that is wrong anyway that its reservations were made here."""
    ids = given.get("reservation_ids")
    if not faults or ids is None:
        return
    services = ctx.request_context.lifespan_context
    with faults.about("reservation_ids"):
        await services.booking.holds.check_known(services.principal.key, ids)


async def check_order(faults: Faults, ctx: Any, given: Given) -> None:
    """Check of a call that is wrong anyway that its order may be known here."""
    order_id = given.get("order_id")
    if not faults or order_id is None:
        return
    services = ctx.request_context.lifespan_context
    with faults.about("order_id"):
        await services.booking.orders.check_known(services.principal.key, order_id)


def check_days(faults: Faults, ctx: Any, given: Given, named: calendar.Named) -> None:
    """Check the days that a call asks for, before anything is read.

    A day counts as past if it is over everywhere; `named` are the arguments for first and last.
    """
    api = ctx.request_context.lifespan_context.api
    # One of them says nothing of a range whose other end is wrong.
    pairs = [named] if given.are_right(*named) else [(name, name) for name in named]
    for first, last in pairs:
        with faults:
            days = given.get(first), given.get(last)
            calendar.window_of(*days, None, api.now(), (first, last), skew=api.unknown_skew)
