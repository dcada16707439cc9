/**
 * What a tool result says, read leniently: a missing or strange part is null or an empty list.
 *
 * Texts come from third parties: cleaned and cut here once, shown as text nodes only.
 */

import { clean, cleanLines } from "../texts.js";
import { listOf, objectOf } from "../values.js";
import { sumOf } from "../writing.js";

const LONGEST = 300;
const PLACE_PARTS = ["zone", "row", "entrance", "category"];
/**
 * What an issuer calls an order that stands, and "unknown" where nothing is told: as in
 * korus_mcp/booking/order_status.py, which tests/ui/test_booking_page.py holds this against.
 */
const CONFIRMED = ["confirmed", "booked", "ordered", "paid", "completed", "issued", "unknown"];
const CANCELLED = ["cancelled", "canceled"];
const DAY = /^\d{4}-\d{2}-\d{2}/;
const ORDER_STATES = ["confirmation_needed", "approval_needed", "ordered", "partially_ordered"];
const KNOWN = [
  ...["state", "reservations", "failed", "confirmation", "orders", "summary"],
  ...["tickets", "documents", "order_id", "status", "total"],
];

/** A text on one line, or null. */
export function textOf(value, longest = LONGEST) {
  const text = typeof value === "number" ? String(value) : value;
  return clean(text, longest) || null;
}

/** A whole number from 0 on, or null. */
export function countOf(value) {
  return Number.isFinite(value) && value >= 0 ? Math.floor(value) : null;
}

/**
 * A result as the page shows it: `{kind, state, ...}` with kind "reserve", "order", "tickets",
 * "error" or "text".
 */
export function readResult(result, { tool, args }) {
  const structure = objectOf(result?.structuredContent);
  const words = wordsIn(result);
  if (result?.isError || structure.error) return failure(structure, words);
  switch (kindOf(structure, tool, args)) {
    case "tickets":
      return ticketsOf(structure);
    case "order":
      return orderOf(structure, args);
    case "reserve":
      return reserveOf(structure, args);
    default:
      return { kind: "text", state: "text", words, ids: [] };
  }
}

/** The same booking after get_reservation told what its reservations are now. */
export function lookedAgain(booking, structure) {
  const holds = heldNow(booking, structure);
  if (holds.length === 0) return booking;
  const ordered = new Set(holds.filter((hold) => hold.state === "ordered").map((hold) => hold.id));
  const failed = booking.failed.filter((row) => !ordered.has(row.reservation));
  const total = sumOf(holds.map((hold) => hold.total));
  return { ...booking, holds, failed, total, replayed: false, wasLookedUp: true };
}

/** Holds as get_reservation tells them, and what it does not tell: how their orders stand. */
function heldNow(booking, structure) {
  const standings = new Map((booking.orders ?? []).map((order) => [order.reservation, order.standing]));
  return listOf(structure.reservations).map(holdOf).map((hold) => {
    const standing = standings.get(hold.id);
    if (standing) return { ...hold, state: standing };
    // Any other doubt is about an order that may have been made.
    if (hold.state !== "in_doubt" || !hold.isNotShown) return hold;
    // Its lines are not shown either, and are what they were.
    const before = booking.holds.find((each) => each.id === hold.id) ?? hold;
    return { ...before, state: "not_shown" };
  });
}

/** What a booking is while its holds are in these states: some end while the page is open. */
export function stateNow(booking, holds) {
  if (holds.length === 0 || (booking.kind !== "reserve" && booking.kind !== "order")) {
    return booking.state;
  }
  const states = new Set(holds.map((hold) => hold.state));
  const isPart = states.size > 1 || booking.failed.length > 0;
  // A look tells that an order was made, not that the issuer confirms it.
  if (booking.state === "unconfirmed") return "unconfirmed";
  // What was held for sure, and is in doubt at a look, may have been ordered.
  const mayBeOrdered = booking.kind === "reserve" && booking.wasLookedUp;
  if (states.has("in_doubt")) return mayBeOrdered ? "order_doubt" : "in_doubt";
  if (states.has("unconfirmed")) return "unconfirmed";
  if (states.has("not_shown")) return "not_shown";
  if (states.has("held") && booking.kind === "reserve") return isPart ? "partly_held" : "held";
  if (states.has("ordered") && states.has("cancelled")) return "partly_cancelled";
  if (states.has("ordered")) return isPart ? "partially_ordered" : "ordered";
  if (states.has("cancelled")) return "cancelled";
  if (booking.state === "failed") return "failed";
  if (states.has("held") && booking.state === "in_doubt") return "held";
  if (states.has("held")) return states.size > 1 ? "partly_held" : booking.state;
  return states.size === 1 ? [...states][0] : "expired";
}

/** The same order with the next page of its tickets: its state is that of all pages together. */
export function withMoreTickets(booking, more) {
  const tickets = [...booking.tickets, ...more.tickets];
  const documents = [...booking.documents, ...more.documents];
  const calendar = booking.calendar ?? more.calendar;
  return { ...more, tickets, documents, calendar, state: stateOfTickets(more.status, tickets, documents) };
}

function kindOf(structure, tool, args) {
  const has = (...names) => names.some((name) => structure[name] !== undefined);
  if (!has(...KNOWN)) return "text";
  if (tool === "get_tickets" || has("tickets", "documents", "order_id")) return "tickets";
  if (tool === "place_order" || has("confirmation", "orders", "summary")) return "order";
  if (tool === "reserve" || has("reservations")) return "reserve";
  const isOrder =
    ORDER_STATES.includes(structure.state) ||
    has("not_later_than") ||
    listOf(structure.failed).some((row) => row.reservation_id !== undefined) ||
    args.reservation_ids !== undefined;
  return isOrder ? "order" : "reserve";
}

function reserveOf(structure, args) {
  const holds = listOf(structure.reservations).map(holdOf);
  const wished = new Map(listOf(args.items).map((item) => [item.offer_id, countOf(item.quantity)]));
  const failed = listOf(structure.failed).map((row) => ({
    ...refusalOf(row),
    quantity: wished.get(row.offer_id) ?? null,
    instead: listOf(row.alternatives).map(alternativeOf),
  }));
  return {
    ...shared(structure),
    kind: "reserve",
    state: textOf(structure.state, 60) ?? "unknown",
    holds,
    failed,
    moves: listOf(structure.price_moves)
      .map((row) => ({ was: textOf(row.was), now: textOf(row.now) }))
      .filter((move) => move.was && move.now),
    isAbove: structure.above_max_total === true,
    ids: holds.map((hold) => hold.id).filter(Boolean),
    lookAfter: countOf(structure.check_again_after),
  };
}

function orderOf(structure, args) {
  const holds = listOf(structure.summary).map(holdOf);
  const orders = listOf(structure.orders).map((row) => ({
    id: textOf(row.order_id),
    reservation: textOf(row.reservation_id),
    reference: textOf(row.reference),
    total: textOf(row.total),
    tickets: countOf(row.tickets),
    status: textOf(row.status, 60),
    standing: standingOf(row.status) ?? (isUnread(structure, row) ? "unconfirmed" : null),
  }));
  const failed = listOf(structure.failed).map((row) => ({
    ...refusalOf(row),
    reservation: textOf(row.reservation_id),
  }));
  const named = [
    ...allOf(args.reservation_ids),
    ...[...holds.map((h) => h.id), ...orders.map((o) => o.reservation)],
    ...failed.map((f) => f.reservation),
  ];
  return {
    ...shared(structure),
    kind: "order",
    state: stateOfOrders(structure, orders),
    holds,
    orders,
    failed,
    customer: textOf(structure.customer),
    notes: textOf(structure.notes),
    conditions: textOf(structure.note),
    openSeconds: countOf(structure.open_seconds),
    notLaterThan: textOf(structure.not_later_than),
    lookAfter: countOf(structure.check_again_after),
    ids: [...new Set(named.filter((id) => typeof id === "string"))].slice(0, 10),
  };
}

/** What the issuer says of orders comes before what became of the call. */
function stateOfOrders(structure, orders) {
  const told = textOf(structure.state, 60) ?? (orders.length ? "ordered" : "unknown");
  const hasCancelled = orders.some((order) => order.standing === "cancelled");
  if (told === "failed" && hasCancelled) return "cancelled";
  if (told === "partially_ordered" && hasCancelled) return "partly_cancelled";
  // With no moment at which it is certain, no answer is missing: the doubt is the issuer's word.
  const isAnswered = orders.length > 0 && !structure.not_later_than;
  return told === "in_doubt" && isAnswered ? "unconfirmed" : told;
}

/** Whether an order in doubt could not be read: of one that was, more is told than that it exists. */
function isUnread({ state }, { reference, total, tickets }) {
  return state === "in_doubt" && [reference, total, tickets].every((told) => told == null);
}

/** "cancelled" or "unconfirmed" by what an issuer calls an order, null of one that stands. */
function standingOf(status) {
  const word = (textOf(status, 60) ?? "").toLowerCase();
  if (CANCELLED.includes(word)) return "cancelled";
  return word === "" || CONFIRMED.includes(word) ? null : "unconfirmed";
}

function ticketsOf(structure) {
  const tickets = listOf(structure.tickets).map(ticketOf);
  const status = textOf(structure.status);
  const documents = listOf(structure.documents).map((row) => ({
    uri: typeof row.uri === "string" ? row.uri : null,
    name: textOf(row.name),
    isReady: row.ready === true,
    readyAt: textOf(row.ready_at),
    savedTo: textOf(row.saved_to),
  }));
  return {
    ...shared(structure),
    kind: "tickets",
    status,
    standing: standingOf(status),
    orderId: textOf(structure.order_id),
    reference: textOf(structure.reference),
    tickets,
    documents,
    calendar: calendarOf(structure, tickets, documents),
    inAll: countOf(structure.tickets_total),
    cursor: typeof structure.next_cursor === "string" ? structure.next_cursor : null,
    state: stateOfTickets(status, tickets, documents),
    ids: [],
  };
}

/** The calendar file of an order that stands, once there are documents and where a ticket has a day. */
function calendarOf(structure, tickets, documents) {
  const id = textOf(structure.order_id);
  const isDated = tickets.some((ticket) => DAY.test(ticket.when ?? ""));
  const first = documents.find((document) => document.isReady);
  if (!id || !first || !isDated || standingOf(structure.status)) return null;
  const stem = (documents[0].name ?? "tickets").replace(/\.pdf$/i, "");
  return { uri: `korus://orders/${id}/calendar.ics`, name: `${stem}.ics` };
}

function stateOfTickets(status, tickets, documents) {
  const standing = standingOf(status);
  if (standing === "cancelled") return "cancelled";
  if (tickets.some((ticket) => ticket.needed.length > 0)) return "to_name";
  // Names that are asked for and documents say more than a word that nobody here knows.
  if (documents.length === 0) return standing ?? "no_documents";
  if (documents.every((document) => document.isReady)) return "ready";
  return "not_ready";
}

function ticketOf(row) {
  return {
    id: textOf(row.ticket_id),
    product: textOf(row.product),
    when: textOf(row.when),
    seat: seatsOf(row.seat),
    status: textOf(row.status, 60),
    beneficiary: textOf(row.beneficiary),
    needed: allOf(row.beneficiary_fields_needed).map((field) => textOf(field, 60)).filter(Boolean),
    deadline: textOf(row.deadline),
    voucher: textOf(row.voucher),
  };
}

function holdOf(row) {
  return {
    id: textOf(row.reservation_id),
    state: textOf(row.state, 60) ?? "unknown",
    isNotShown: row.not_shown_yet === true,
    lines: listOf(row.lines).map((line) => ({
      product: textOf(line.product),
      quantity: countOf(line.quantity),
      amount: textOf(line.amount),
      when: allOf(line.when).map((text) => textOf(text)).filter(Boolean),
    })),
    total: textOf(row.total),
    expiresAt: textOf(row.expires_at),
    secondsLeft: countOf(row.seconds_left),
    orderId: textOf(row.order_id),
    seats: listOf(row.seats).map(seatsOf).filter(Boolean),
    moreSeats: countOf(row.more_seats) ?? 0,
    together: typeof row.seats_together === "boolean" ? row.seats_together : null,
  };
}

/** Seats that differ in their number alone: `{place: [[part, text], ...], seats, also, count}`; null of none. */
function seatsOf(row) {
  const place = PLACE_PARTS.map((part) => [part, textOf(objectOf(row)[part])]).filter(([, text]) => text);
  const { seats: numbers, also: more, places } = objectOf(row);
  const seats = allOf(numbers).map((seat) => textOf(seat)).filter(Boolean);
  const also = textOf(more);
  if (place.length === 0 && seats.length === 0 && !also) return null;
  return { place, seats, also, count: countOf(places) ?? Math.max(1, seats.length) };
}

/** `message` are an issuer's words; null where the reason is the server's, which the page says itself. */
function refusalOf(row) {
  return { message: textOf(row.message), code: textOf(row.code, 60) };
}

function alternativeOf(row) {
  return {
    product: textOf(row.product),
    when: textOf(row.starts_at) ?? textOf(row.date),
    price: textOf(row.price),
    left: countOf(row.left),
  };
}

function failure(structure, words) {
  const error = objectOf(structure.error);
  return {
    kind: "error",
    state: "error",
    code: textOf(error.code, 60),
    message: textOf(error.message),
    effect: textOf(error.effect, 60),
    next: textOf(error.next),
    retryAfter: countOf(error.retry_after_seconds),
    fields: listOf(error.fields).map((row) => ({
      field: textOf(row.field),
      problem: textOf(row.problem),
      example: textOf(row.example),
    })),
    instead: listOf(error.alternatives).map(alternativeOf),
    words,
    ids: [],
  };
}

function shared(structure) {
  return {
    total: textOf(structure.total),
    environment: textOf(structure.environment, 40),
    replayed: structure.replayed === true,
  };
}

/** The text blocks of a result. */
function wordsIn(result) {
  const blocks = listOf(result?.content).filter((block) => typeof block.text === "string");
  return blocks.map((block) => cleanLines(block.text, 20_000)).join("\n\n").trim();
}

/** A list of whatever it holds. */
function allOf(value) {
  return Array.isArray(value) ? value : [];
}
