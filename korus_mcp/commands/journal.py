"""korus-mcp journal: lists order calls, shows one, verifies the audit, removes old entries, stops
new orders.

Results go to stdout, refusals to stderr; with `--json` stdout has one JSON value, whatever becomes
of the command. Looking creates no journal where there is none.
"""

import getpass
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import partial
from typing import Final

import anyio

from korus_mcp.commands.console import error_of, say, tell, tell_json
from korus_mcp.commands.screen import Column, Screen
from korus_mcp.foundation.clock import Clock, SystemClock
from korus_mcp.journal.inspection import Inspection, JournalEntry
from korus_mcp.journal.opening import journal_file, journal_url, may_have_bookings
from korus_mcp.journal.records import JournalDown
from korus_mcp.settings import Misconfigured, Settings

LEAST_DAYS: Final = 35
"""The fewest days a purge leaves: the daily sweep for late orders looks back a month."""


def run_list(settings: Settings, *, open_only: bool, limit: int, as_json: bool) -> int:
    """Print the newest order calls, one a row. Returns 1 if the journal does not work."""
    work = partial(_list, open_only=open_only, limit=limit, as_json=as_json)
    return _run(settings, work, as_json=as_json)


def run_show(settings: Settings, name: str, *, as_json: bool) -> int:
    """Print an order call and its audit, by the number of an order (KT-ORD-...), an id or a
    reference. Returns 1 if there is none of that name.
    """
    return _run(settings, partial(_show, name=name, as_json=as_json), without=1, as_json=as_json)


def run_purge(settings: Settings, *, days: int, clock: Clock | None = None) -> int:
    """Remove calls whose outcome has been known for `days` days.

    Raises:
        Misconfigured: these are fewer days than the sweep for late orders needs.
    """
    if days < LEAST_DAYS:
        raise Misconfigured(
            f"--older-than-days must be {LEAST_DAYS} or more: the daily look for late orders "
            "reads back a month."
        )
    return _run(settings, partial(_purge, days=days, clock=clock or SystemClock()))


def run_verify(
    settings: Settings, *, unsealed: int = 0, kept_seal: str | None = None, as_json: bool = False
) -> int:
    """Check the audit's chain, and whether it still has a seal that was kept. Returns 1 if
    something is wrong, or nothing can be checked.
    """
    _require_account(settings)
    if settings.journal_key is None:
        why = "nothing can be verified without KORUS_JOURNAL_KEY, the key of the audit's chain"
        return _failed(why, as_json=as_json)
    work = partial(_verify, unsealed=unsealed, kept_seal=kept_seal, as_json=as_json)
    return _run(settings, work, without=1, as_json=as_json)


def run_switch(settings: Settings, *, takes_orders: bool) -> int:
    """Let all servers of the journal take new orders, or none; those on their way are settled."""
    # The journal is named: with other settings than the servers' it would be another one.
    where = str(journal_file(settings) or "KORUS_DATABASE_URL")
    return _run(settings, partial(_switch, takes_orders=takes_orders, where=where), without=None)


def _run(
    settings: Settings,
    work: Callable[[Inspection], Awaitable[int]],
    *,
    without: int | None = 0,
    as_json: bool = False,
) -> int:
    """Run some work on the journal. Returns its exit code, or `without` if there is no journal;
    with None it is made. `as_json`: whether a program reads stdout.
    """
    _require_account(settings)
    try:
        # Opening a journal would create its file, and a command that only looks must not.
        if without is not None and not may_have_bookings(settings):
            return _absent(f"no journal yet: {journal_file(settings)}", without, as_json=as_json)
        return anyio.run(_with_journal, settings, work)
    except JournalDown as down:
        return _failed(f"the journal does not work: {down.fault.value}", as_json=as_json)


def _require_account(settings: Settings) -> None:
    if settings.embedded:
        raise Misconfigured(
            "there is no journal of an account: the embedded sandbox has its own, which lasts as "
            "long as its invented world. `korus-mcp orders` lists what was ordered in it."
        )


def _absent(what: str, code: int, *, as_json: bool) -> int:
    """Tell that there is no journal, which for a list is an empty one. Returns the exit code."""
    if not as_json:
        tell(what)
        return code
    if code:
        return _failed(what, as_json=True)
    say(f"korus-mcp: {what}")
    tell_json([])
    return code


def _failed(what: str, *, as_json: bool) -> int:
    """Tell why it could not be done. Returns the exit code."""
    say(f"korus-mcp: {what}")
    if as_json:
        tell_json(error_of(what))
    return 1


async def _with_journal(settings: Settings, work: Callable[[Inspection], Awaitable[int]]) -> int:
    journal = Inspection.at(
        journal_url(settings),
        settings.account.key(),
        clock=SystemClock(),
        audit_key=settings.journal_key,
        may_sign_anew=settings.may_sign_anew,
    )
    try:
        return await work(journal)
    finally:
        await journal.close()


async def _list(journal: Inspection, *, open_only: bool, limit: int, as_json: bool) -> int:
    entries = await journal.entries(limit=limit, open_only=open_only)
    if as_json:
        tell_json([_as_json(e) for e in entries])
    elif not entries:
        tell("no order is open" if open_only else "no order was ever sent")
    else:
        _show_table(entries)
    return 0


async def _show(journal: Inspection, *, name: str, as_json: bool) -> int:
    entry = await journal.entry(name)
    if entry is None:
        told = "nothing in the journal has this order number, id or reference"
        return _failed(told, as_json=as_json)
    audit = await journal.audit_of(entry.intent.id)
    if as_json:
        rows = [
            {"row": r.number, "at": r.at.isoformat(), "event": r.event, **json.loads(r.detail)}
            for r in audit
        ]
        tell_json({**_as_json(entry), "audit": rows})
        return 0
    tell(_line(entry))
    for reservation_id in entry.intent.reservation_ids:
        tell(f"    {reservation_id}: {_outcome(entry, reservation_id)}")
    for row in audit:
        tell(f"    {row.at:%Y-%m-%d %H:%M:%S}Z {row.event} {row.detail}")
    return 0


async def _purge(journal: Inspection, *, days: int, clock: Clock) -> int:
    purged = await journal.purge(clock.now() - timedelta(days=days))
    tell(
        f"removed {purged.orders} order calls, {purged.holds} reserve calls and "
        f"{purged.approvals} confirmations; whose an order is, and the audit, stay"
    )
    return 0


async def _verify(
    journal: Inspection, *, unsealed: int, kept_seal: str | None, as_json: bool
) -> int:
    found = await journal.verify(unsealed=unsealed, kept_seal=kept_seal)
    if as_json:
        tell_json(asdict(found))
        return int(bool(found.problems))
    # In the order of the rows: the first problem shows where the audit was first changed.
    for problem in found.problems:
        tell(problem)
    if not found.problems:
        tell(f"{found.rows} rows, all in order; the last seal is {found.last_seal or 'none'}")
        if found.kept_row is not None:
            tell(f"the seal that was kept is that of row {found.kept_row}")
    return int(bool(found.problems))


async def _switch(journal: Inspection, *, takes_orders: bool, where: str) -> int:
    by = _user()
    is_new = await (journal.go if takes_orders else journal.stop)(by=by)
    stopped_at = await journal.stopped_at()
    if stopped_at is None:
        told = "new orders are taken again" if is_new else "new orders were not stopped"
        tell(f"{told} (journal: {where})")
        return 0
    since = f"{stopped_at:%Y-%m-%d %H:%M:%S}Z"
    told = f"no server of this journal ({where}) takes new orders since {since}"
    tell(f"{told}; {await journal.unfinished()} on their way or in doubt are settled as ever")
    return 0


def _user() -> str:
    """Who typed the command, as far as this machine knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in some containers
        return ""


def _state(entry: JournalEntry) -> str:
    intent = entry.intent
    # Checked first: a call in doubt may have ordered, whatever outcomes it has already.
    if intent.is_in_doubt:
        return "in doubt"
    # An intent is written before its call is sent; the process may have ended in between.
    if not intent.is_final:
        return "not sent yet"
    if not intent.orders:
        return "failed"
    return "partly ordered" if intent.failures else "ordered"


def _show_table(entries: Sequence[JournalEntry]) -> None:
    """Print order calls, a row each; whose they are where that differs."""
    columns = [
        Column("sent (UTC)", is_fact=True),
        Column("state"),
        Column("order or call (reference)"),
        Column("EUR", is_number=True),
    ]
    rows = [_row(entry) for entry in entries]
    if len({entry.intent.owner for entry in entries}) > 1:
        columns.append(Column("owner"))
        rows = [[*row, entry.intent.owner] for row, entry in zip(rows, entries, strict=True)]
    Screen().table(columns, rows, in_lines=True)


def _row(entry: JournalEntry) -> list[object]:
    """The cells of an order call. `journal show` takes any of its names: orders, id, reference."""
    intent, state = entry.intent, _state(entry)
    if intent.is_in_doubt:
        state += f", known by {intent.fence_at:%Y-%m-%d %H:%M}"
    # Older versions kept no numbers, and not every answer tells them.
    orders = [intent.numbers.get(each, each) for each in intent.orders.values()]
    names = ", ".join(orders) or intent.id
    if intent.caller_reference:
        names += f" ({intent.caller_reference})"
    return [f"{entry.created_at:%Y-%m-%d %H:%M}", state, names, intent.approved_total]


def _line(entry: JournalEntry) -> str:
    intent = entry.intent
    parts = [
        f"{entry.created_at:%Y-%m-%d %H:%M:%S}Z",
        _state(entry),
        f"{intent.approved_total} EUR",
        intent.external_reference,
        f"owner {intent.owner}",
    ]
    if intent.caller_reference:
        parts.append(f"reference {intent.caller_reference}")
    if intent.is_in_doubt:
        parts.append(f"known by {intent.fence_at:%Y-%m-%d %H:%M:%S}Z at the latest")
    return "  ".join(parts)


def _outcome(entry: JournalEntry, reservation_id: str) -> str:
    intent = entry.intent
    if reservation_id in intent.orders:
        order_id = intent.orders[reservation_id]
        number = intent.numbers.get(order_id)
        return f"order {order_id}" if number is None else f"order {number} ({order_id})"
    return intent.failures.get(reservation_id, "not known")


def _as_json(entry: JournalEntry) -> Mapping[str, object]:
    intent = entry.intent
    return {
        "id": intent.id,
        "state": _state(entry),
        "owner": intent.owner,
        "external_reference": intent.external_reference,
        "reference": intent.caller_reference,
        "approved_total": str(intent.approved_total),
        "agreed": intent.agreed,
        "ambiguous": intent.ambiguous,
        "created_at": entry.created_at.isoformat(),
        "updated_at": entry.updated_at.isoformat(),
        "sent_at": intent.sent_at.isoformat(),
        "fence_at": intent.fence_at.isoformat(),
        "reservations": [
            {
                "reservation_id": i,
                "order_id": intent.orders.get(i),
                "order_number": intent.numbers.get(intent.orders.get(i, "")),
                "reason": intent.failures.get(i),
            }
            for i in intent.reservation_ids
        ],
    }
