/**
 * The English sentences of the server that the page reads, since their facts come in no field.
 *
 * All of them stand here: tests/ui/test_booking_page.py holds each against the server's own.
 */

const MONEY = "(\\S+ [A-Z]{3})";
const NEVER_MADE = "the order was not made";
const MOVED = new RegExp(`: ${MONEY} was shown, it costs ${MONEY} now\\.$`);
const ABOVE = new RegExp(`^The holds cost ${MONEY}, more than max_total`);
const NOT_SHOWN = /^One hold was just made, and KorusTicket does not show it yet\./;
const MORE_SEATS = /^\+(\d+) more\b/;

/** Whether a failure is in the server's words, not in an issuer's: the order never was. */
export function isNeverMade(message) {
  return message === NEVER_MADE;
}

/**
 * Whether what is in doubt was held a moment ago and is not shown yet, by the next step of an answer.
 *
 * Any other doubt is about an order that may have been made.
 */
export function isNotShownYet(next) {
  return NOT_SHOWN.test(next ?? "");
}

/** A sentence about prices as `{kind: "moved", was, now}`, `{kind: "above", now}` or `{kind: "said", said}`. */
export function moveOf(said) {
  const moved = MOVED.exec(said);
  if (moved) return { kind: "moved", was: moved[1], now: moved[2] };
  const above = ABOVE.exec(said);
  if (above) return { kind: "above", now: above[1] };
  return { kind: "said", said };
}

/** How many seats a row of a list of seats says that were left out; null for a seat. */
export function seatsLeftOut(seat) {
  const more = MORE_SEATS.exec(seat)?.[1];
  return more === undefined ? null : Number(more);
}
