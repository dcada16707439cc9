/** The page of a booking as elements. Pure: what is shown follows from the booking and the scene. */

import { h, svg } from "../dom.js";
import { secondsUntil, TOLD_FROM } from "./clock.js";
import { meaningOf, wordFor } from "./words.js";
import { sumOf } from "../writing.js";

/** Colour and sign of each state that has words of its own. */
const STATES = {
  held: ["good", "clock"],
  partly_held: ["warn", "clock"],
  expired: ["mute", "cross"],
  time_up: ["mute", "dots"],
  released: ["mute", "cross"],
  not_held: ["bad", "cross"],
  hold_doubt: ["warn", "dots"],
  confirmation_needed: ["call", "speech"],
  approval_needed: ["call", "speech"],
  ordered: ["good", "check"],
  partially_ordered: ["warn", "check"],
  partly_cancelled: ["warn", "check"],
  unconfirmed: ["warn", "dots"],
  not_shown: ["warn", "dots"],
  order_failed: ["bad", "cross"],
  order_doubt: ["warn", "dots"],
  cancelled: ["bad", "cross"],
  to_name: ["call", "speech"],
  no_documents: ["good", "check"],
  not_ready: ["call", "dots"],
  ready: ["good", "check"],
};
/** States whose words depend on what was asked for. */
const BY_KIND = {
  reserve: { failed: "not_held", in_doubt: "hold_doubt" },
  order: { failed: "order_failed", in_doubt: "order_doubt" },
};
const SIGNS = {
  check: "M3.5 8.5l3 3 6-7",
  cross: "M4.5 4.5l7 7m0-7l-7 7",
  clock: "M8 4.5V8l2.5 1.5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z",
  dots: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  speech: "M3 3.5h10v7H7.5L4.5 13v-2.5H3z",
};
const STATUS_TONES = { valid: "good", confirmed: "good", ordered: "good", held: "good" };
const STATUS_WARNS = {
  waiting_beneficiary_data: "call",
  in_doubt: "warn",
  not_shown: "warn",
  unconfirmed: "warn",
  cancelled: "bad",
};
const MOST_SEAT_GROUPS = 12;
/** In these states seats are those of the person who looks. */
const YOURS = ["held", "ordered"];

/**
 * What the page shows, as a list of elements.
 *
 * `scene`: `t`, `language`, `writer`, `now`, `state` (of the booking now), `holds` (as they are
 * now), `ends` (Map of holds to `{at, gap}`), `arrivedAt`, `canAsk`, `isAsking`, `canDownload`,
 * `onDownload(document)`, `onMore()`, `downloads` (Map of uri to "busy", "done", "failed").
 */
export function viewOf(booking, scene) {
  if (booking.kind === "error") return errorView(booking, scene);
  if (booking.kind === "text") return textView(booking, scene);
  const parts = { reserve: reserveParts, order: orderParts, tickets: ticketParts };
  return [head(booking, scene), ...parts[booking.kind](booking, scene)];
}

/** A page that has no result to show: "waiting", "silent", "stopped". */
export function emptyView(key, { t }) {
  return [
    h("header", { class: "top" },
      h("div", { class: "what" },
        h("h1", {}, t(`title_${key}`)),
        h("p", { class: "lead" }, t(`lead_${key}`)))),
  ];
}

/** The title of a booking, as a screen reader is told of it. */
export function titleOf(booking, { t, language, state }) {
  if (booking.kind === "error") return meaningOf(booking.code, language)[0];
  if (booking.kind === "text") return t(booking.words ? "title_text" : "title_empty");
  return t(`title_${keyOf(booking, state)}`);
}

/** The clock of the hold that ends first, or null when none runs. */
export function runningClock({ ends, holds, now }) {
  const running = holds
    .filter((hold) => hold.state === "held" && ends.get(hold)?.at > now)
    .map((hold) => ({ hold, ...ends.get(hold) }));
  running.sort((a, b) => a.at - b.at);
  return running.length ? { ...running[0], count: new Set(running.map((r) => r.at)).size } : null;
}

/** Digits and words of a clock, in place. */
export function showTime(clock, at, { writer, now, t }) {
  const seconds = secondsUntil(at, now);
  clock.dataset.near = seconds <= 60 ? "very" : seconds <= 300 ? "yes" : "no";
  clock.querySelector(".digits").textContent = writer.clock(seconds);
  clock.querySelector(".spoken").textContent = seconds > 0 ? writer.span(seconds) : t("clock_over");
}

function keyOf(booking, state) {
  const key = BY_KIND[booking.kind]?.[state] ?? state;
  return Object.hasOwn(STATES, key) && !Object.values(BY_KIND).some((m) => m[key]) ? key : "unknown";
}

function head(booking, scene) {
  const { t, state } = scene;
  const key = keyOf(booking, state);
  const [tone, sign] = STATES[key] ?? ["mute", null];
  return top(booking, scene, badge(t(`badge_${key}`), tone, sign), t(`title_${key}`), leadOf(key, booking, scene));
}

function leadOf(key, booking, { t, state }) {
  if (key === "ready" && booking.cursor) return t("lead_ready_part");
  if (key !== "unknown") return t(`lead_${key}`);
  const isTold = state && state !== "unknown";
  return isTold ? t("lead_unknown", { state: isolated(state.replace(/_/g, " ")) }) : t("lead_stateless");
}

function top(booking, scene, mark, title, lead) {
  return h("header", { class: "top" },
    h("div", { class: "what" },
      h("p", { class: "badges" }, mark, environmentOf(booking, scene)),
      h("h1", {}, title),
      lead && h("p", { class: "lead" }, lead)),
    clockOf(scene));
}

function badge(text, tone, sign) {
  return h("span", { class: `badge ${tone}` }, sign && glyph(sign), text);
}

function glyph(sign) {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true", class: "sign" },
    svg("path", { d: SIGNS[sign] }));
}

function environmentOf({ environment }, { t, language }) {
  if (!environment || environment === "production") return null;
  const text = wordFor(t, language, `environment_${environment}`, null);
  return h("span", { class: "badge plain" }, text ?? third(environment));
}

function clockOf(scene) {
  const { t, writer } = scene;
  const first = runningClock(scene);
  if (!first) return null;
  const label = t(first.count > 1 ? "clock_first" : "clock_one");
  const clock = h("div", { class: "clock", role: "timer", "aria-live": "off", "data-at": first.at },
    h("span", { class: "clock-label" }, label),
    h("span", { class: "digits", "aria-hidden": "true" }),
    h("span", { class: "spoken hidden" }),
    h("span", { class: "clock-until" }, t("clock_until", { time: writer.instant(first.at) })));
  showTime(clock, first.at, scene);
  return clock;
}

// Holds

function reserveParts(booking, scene) {
  const { t } = scene;
  return [
    ...warnings(booking, scene),
    ...when(scene.state === "in_doubt", () => lookNote(booking, scene, "repeat_at")),
    ...holdSections(booking, scene),
    booking.failed.length > 0 && failedHolds(booking.failed, scene),
    booking.replayed && h("p", { class: "notice" }, t("replayed_hold")),
  ].filter(Boolean);
}

/** What has to be read before anything else. */
function warnings(booking, scene) {
  const { t, writer } = scene;
  const prices = (booking.moves ?? []).map((move) =>
    t("moved", { was: writer.money(move.was), now: writer.money(move.now) }));
  if (booking.isAbove) prices.push(t("above", { now: booking.total ? writer.money(booking.total) : "?" }));
  const isDoubtful = scene.holds.some((hold) => scene.ends.get(hold)?.gap > TOLD_FROM);
  return [
    ...prices.map((words) => h("p", { class: "notice warn" }, words)),
    isDoubtful && !scene.isAsking && h("p", { class: "notice warn" }, t("clock_doubt")),
  ].filter(Boolean);
}

function holdSections(booking, scene) {
  const { holds, t, writer } = scene;
  const isOne = holds.length === 1;
  const sections = holds.map((hold, index) => holdSection(hold, isOne ? null : index + 1, scene));
  const [key, total] = holds.length < 2 ? [] : totalOf(booking, holds);
  if (!total) return sections;
  return [
    ...sections,
    h("p", { class: "grand" }, h("span", {}, t(key)), h("strong", {}, third(writer.money(total)))),
  ];
}

/** The total and its name: of all holds while all have the same worth, else of those still held. */
function totalOf(booking, holds) {
  const isAll = (state) => holds.every((hold) => hold.state === state);
  if (isAll("held") || isAll("ordered")) return ["grand_total", booking.total];
  const live = holds.filter((hold) => hold.state === "held");
  return ["held_total", sumOf(live.map((hold) => hold.total))];
}

function holdSection(hold, number, scene) {
  const { t } = scene;
  const title = number === null ? t("lines") : t("hold_number", { number });
  return h("section", { class: "hold" },
    h("div", { class: number === null ? "hidden" : "section-head" },
      h("h2", {}, title),
      number !== null && holdMark(hold, scene)),
    hold.lines.length ? linesTable(hold, title, scene) : h("p", { class: "soft" }, t("no_lines")),
    seatsOf(hold, scene));
}

/** The end of a hold beside others, or what became of it. */
function holdMark(hold, { t, language, writer, ends }) {
  const end = ends.get(hold);
  if (hold.state === "held" && end) {
    return h("span", { class: "soft" }, t("held_until", { time: writer.instant(end.at) }));
  }
  return statusBadge(hold.state, t, language);
}

function linesTable(hold, title, { t, writer }) {
  const hasWhen = hold.lines.some((line) => line.when.length > 0);
  const columns = [
    ["product", (line) => (line.product ? third(line.product) : t("unnamed"))],
    hasWhen && ["when", (line) => venueTime(line.when, t, writer)],
    ["quantity", (line) => (line.quantity === null ? "" : writer.count(line.quantity))],
    ["price", (line) => line.amount && third(writer.money(line.amount))],
  ].filter(Boolean);
  const foot = h("tr", { role: "row", class: "sum" },
    h("th", { role: "rowheader", scope: "row", colspan: columns.length - 1 }, t("total")),
    h("td", { role: "cell", class: "price" }, hold.total ? third(writer.money(hold.total)) : t("no_total")));
  return table("lines", title, columns, hold.lines, t, foot);
}

/** A table that keeps its roles where CSS stacks it; columns are `[key, cell of a row]`. */
function table(name, caption, columns, rows, t, foot) {
  const group = { role: "rowgroup" };
  return h("table", { role: "table", class: `table ${name}` },
    h("caption", { class: "hidden" }, caption),
    h("thead", group, h("tr", { role: "row" },
      columns.map(([key]) => h("th", { role: "columnheader", scope: "col", class: key }, t(key))))),
    h("tbody", group, rows.map((row) => h("tr", { role: "row" },
      columns.map(([key, cell]) => labelled(key, cell(row), t))))),
    foot && h("tfoot", group, foot));
}

function labelled(key, content, t) {
  const isEmpty = content === null || content === "";
  return h("td", { role: "cell", class: isEmpty ? `${key} none` : key, "data-label": t(key) }, content);
}

function venueTime(times, t, writer) {
  if (times.length === 0) return null;
  const isElsewhere = times.some((text) => writer.isElsewhere(text));
  return h("span", {}, third(times.map((text) => writer.atVenue(text)).join(" · ")),
    isElsewhere && h("span", { class: "soft note" }, ` (${t("venue_time")})`));
}

function seatsOf(hold, { t }) {
  if (hold.seats.length === 0 && hold.moreSeats === 0) return null;
  const shown = hold.seats.slice(0, MOST_SEAT_GROUPS);
  const unshown = hold.seats.slice(MOST_SEAT_GROUPS).reduce((sum, group) => sum + group.count, 0);
  const more = hold.moreSeats + unshown;
  const together = { true: "seats_together", false: "seats_apart" }[hold.together];
  return h("div", { class: "seats" },
    h("h3", {}, t(YOURS.includes(hold.state) ? "your_seats" : "seats"), together && h("span", { class: "soft" }, ` (${t(together)})`)),
    h("ul", {}, shown.map((group) => h("li", {}, seatWords(group, t))),
      more > 0 && h("li", { class: "soft" }, t("seats_more", { count: more }))));
}

/** The seats of one row, in the order people look for them. */
function seatWords({ place, seats, also, count }, t) {
  const named = new Map(place.map(([part, text]) => [part, isolated(text)]));
  if (seats.length > 0) named.set("seat", seats.map(isolated).join(", "));
  const words = ["zone", "row", "seat", "entrance", "category"]
    .filter((part) => named.has(part))
    .map((part) => t(`part_${part}`, { count: seats.length, text: named.get(part) }));
  if (also) words.push(isolated(also));
  if (count > Math.max(1, seats.length)) words.push(t("part_places", { count }));
  const said = words.join(" · ");
  return said.charAt(0).toUpperCase() + said.slice(1);
}

function failedHolds(failed, scene) {
  const { t } = scene;
  return h("section", {},
    h("h2", {}, t("failed_holds")),
    h("ul", { class: "cards" }, failed.map((row) => {
      const count = row.quantity;
      const title = count ? t("failed_tickets", { count }) : t("failed_one");
      return h("li", { class: "card" }, h("p", { class: "card-title" }, title), issuersWords(row, scene), insteadOf(row.instead, scene));
    })));
}

/** What an issuer wrote, marked as such. */
function issuersWords({ message, code }, { t, language }, whenNone = "no_reason") {
  if (!message) return h("p", {}, code ? meaningOf(code, language)[0] : t(whenNone));
  return h("figure", { class: "quote" },
    h("figcaption", {}, t("issuers_words")),
    h("blockquote", {}, third(message), code && h("span", { class: "soft" }, " (", third(code), ")")));
}

function insteadOf(alternatives, { t, writer }) {
  if (alternatives.length === 0) return null;
  const facts = (row) => [
    row.product && third(row.product),
    row.when && third(writer.atVenue(row.when)),
    row.price && third(writer.money(row.price)),
    row.left !== null && t("left", { count: row.left }),
  ].filter(Boolean);
  return h("div", { class: "instead" },
    h("h3", {}, t("instead")),
    h("ul", { class: "bullets" }, alternatives.map((row) => h("li", {}, joined(facts(row))))));
}

/**
 * When to look again after an answer that did not come.
 *
 * A hold in doubt is looked for by the same call of reserve, which is the assistant's.
 */
function lookNote(booking, { t, writer, arrivedAt, canAsk }, key) {
  const seconds = booking.wasLookedUp ? null : booking.lookAfter;
  const again = seconds !== null && writer.instant(arrivedAt + seconds * 1000);
  const words = [
    again && t(key, { time: again }),
    booking.notLaterThan && t("certain_at", { time: writer.moment(booking.notLaterThan) }),
    booking.kind === "order" && (!canAsk || booking.ids.length === 0) && t("ask_to_look"),
  ].filter(Boolean);
  return words.length ? h("p", { class: "notice" }, words.join(" ")) : null;
}

// Orders

function orderParts(booking, scene) {
  const { t, state } = scene;
  const asks = state === "confirmation_needed" || state === "approval_needed";
  const hasCancelled = booking.orders.some((order) => order.standing === "cancelled");
  return [
    hasCancelled && h("p", { class: "notice bad" }, t("support")),
    ...when(state === "in_doubt", () => lookNote(booking, scene, "look_at")),
    ...warnings(booking, scene),
    booking.orders.length > 0 && placedOrders(booking.orders, scene),
    ...holdSections(booking, scene),
    asks && agreementFacts(booking, scene),
    booking.failed.length > 0 && failedOrders(booking.failed, scene),
    booking.replayed && h("p", { class: "notice" }, t("replayed_order")),
  ].filter(Boolean);
}

function agreementFacts(booking, { t, writer }) {
  return h("section", { class: "card agree" },
    facts([
      [t("customer"), booking.customer && third(booking.customer)],
      [t("notes"), booking.notes && third(booking.notes)],
      [t("answer_within"), booking.openSeconds && `${Math.floor(booking.openSeconds / 60)} min`],
    ]),
    h("h2", {}, t("good_to_know")),
    h("ul", { class: "bullets" },
      h("li", {}, t("cannot_cancel")),
      h("li", {}, t("no_mail")),
      booking.conditions && h("li", {}, third(booking.conditions))));
}

function placedOrders(orders, scene) {
  const { t, writer } = scene;
  return h("section", {},
    h("h2", {}, t("orders")),
    h("ul", { class: "cards" }, orders.map((order) =>
      h("li", { class: "card order" },
        h("div", {},
          h("p", { class: "soft" }, t("reference")),
          h("p", { class: "reference" }, order.reference ? third(order.reference) : t("no_reference")),
          order.standing && standingMark(order, scene)),
        h("div", { class: "order-sum" },
          order.total && h("p", { class: "price" }, third(writer.money(order.total))),
          order.tickets !== null && h("p", { class: "soft" }, t("tickets_count", { count: order.tickets })))))));
}

/** That an order does not stand, or may not, and what the issuer calls it then. */
function standingMark({ standing, status }, { t }) {
  const [tone, sign] = STATES[standing];
  return h("p", { class: "standing" },
    badge(t(`badge_${standing}`), tone, sign),
    standing === "unconfirmed" && status && h("span", { class: "soft" }, ` ${t("called", { status: isolated(status) })}`));
}

function failedOrders(failed, scene) {
  const { t } = scene;
  return h("section", {},
    h("h2", {}, t("failed_orders")),
    h("ul", { class: "cards" }, failed.map((row) =>
      h("li", { class: "card" }, issuersWords(row, scene, "never_made")))));
}

// Tickets

function ticketParts(booking, scene) {
  const { t, writer, state } = scene;
  const isCancelled = state === "cancelled";
  const total = booking.total && third(writer.money(booking.total));
  const called = booking.standing === "unconfirmed" && third(booking.status);
  const reference = booking.reference
    ? h("span", { class: "reference" }, third(booking.reference))
    : t("no_reference");
  return [
    isCancelled && h("p", { class: "notice bad" }, t("support")),
    h("div", { class: "card" }, facts([[t("reference"), reference], [t("status"), called], [t("total"), total]])),
    state === "to_name" && toName(booking, scene),
    booking.tickets.length > 0 && ticketList(booking, scene, isCancelled),
    !isCancelled && booking.documents.length > 0 && documentList(booking, scene),
  ].filter(Boolean);
}

function toName({ tickets, inAll }, { t, language, writer }) {
  const waiting = tickets.filter((ticket) => ticket.needed.length > 0);
  const key = ({ product, when: at, needed, deadline }) => JSON.stringify([product, at, needed, deadline]);
  const groups = new Map();
  for (const ticket of waiting) groups.set(key(ticket), [...(groups.get(key(ticket)) ?? []), ticket]);
  const field = (name) => wordFor(t, language, `field_${name}`, name.replace(/_/g, " "));
  return h("section", { class: "notice call" },
    h("h2", {}, t("to_name", { count: waiting.length })),
    h("p", {}, t("to_name_how")),
    shownOf(tickets, inAll, t),
    h("ul", { class: "naming" }, [...groups.values()].map(([ticket, ...others]) =>
      h("li", {},
        h("p", { class: "card-title" },
          others.length > 0 && `${writer.count(others.length + 1)} × `,
          ticket.product ? third(ticket.product) : t("unnamed")),
        ticket.when && h("p", { class: "soft" }, venueTime([ticket.when], t, writer)),
        facts([
          [t("needed"), third(ticket.needed.map(field).join(", "))],
          [t("deadline"), ticket.deadline && venueTime([ticket.deadline], t, writer)],
        ])))));
}

function ticketList(booking, { t, language, writer, canAsk, onMore }, isCancelled) {
  const { tickets, inAll, cursor } = booking;
  const has = (name) => tickets.some((ticket) => ticket[name]);
  const columns = [
    ["product", (ticket) => h("span", {},
      ticket.product ? third(ticket.product) : t("unnamed"),
      ticket.when && h("span", { class: "soft under" }, venueTime([ticket.when], t, writer)))],
    has("seat") && ["seat", (ticket) => ticket.seat && seatWords(ticket.seat, t)],
    has("beneficiary") && ["holder", (ticket) => ticket.beneficiary && third(ticket.beneficiary)],
    has("voucher") && ["voucher", (ticket) => ticket.voucher && h("span", { class: "reference" }, third(ticket.voucher))],
    !isCancelled && has("status") && ["status", (ticket) => ticket.status && statusBadge(ticket.status, t, language)],
  ].filter(Boolean);
  return h("section", {},
    h("h2", {}, t("tickets")),
    table("tickets", t("tickets"), columns, tickets, t),
    shownOf(tickets, inAll, t),
    cursor && canAsk && h("button", { class: "button", id: "more", type: "button", onclick: onMore }, t("more")));
}

function shownOf(tickets, inAll, t) {
  if (inAll === null || inAll <= tickets.length) return null;
  return h("p", { class: "soft" }, t("shown_of", { shown: tickets.length, all: inAll }));
}

function statusBadge(status, t, language) {
  const tone = STATUS_TONES[status] ?? STATUS_WARNS[status] ?? "mute";
  const text = wordFor(t, language, `status_${status}`, null);
  return badge(text ?? third(status.replace(/_/g, " ")), tone, null);
}

function documentList({ documents, calendar }, scene) {
  const { t, canDownload } = scene;
  const isAnyReady = documents.some((document) => document.isReady);
  return h("section", {},
    h("h2", {}, t("documents")),
    h("ul", { class: "cards" }, documents.map((document, index) =>
      documentRow(document, documents.length > 1 ? index + 1 : null, scene)),
      calendar && canDownload && calendarRow(calendar, scene)),
    isAnyReady && !canDownload && h("p", { class: "notice" }, t("ask_to_save")));
}

function documentRow(document, number, scene) {
  const { t, writer, canDownload, downloads } = scene;
  const name = number === null ? t("document") : t("document_number", { number });
  const later = document.readyAt ? t("document_at", { time: writer.moment(document.readyAt) }) : t("document_later");
  const failed = downloads.get(document.uri) === "failed";
  return h("li", { class: "card document" },
    h("div", {},
      h("p", { class: "card-title" }, name),
      h("p", { class: "soft" }, document.isReady ? t("document_ready") : later),
      document.savedTo && h("p", { class: "soft" }, t("saved_to", { path: isolated(document.savedTo) })),
      failed && h("p", { class: "failed" }, t("download_failed"))),
    document.isReady && document.uri && canDownload && downloadButton(document, name, number, scene));
}

/** The dates of the tickets, for a calendar. */
function calendarRow(calendar, scene) {
  const { t, downloads } = scene;
  const failed = downloads.get(calendar.uri) === "failed";
  return h("li", { class: "card document" },
    h("div", {},
      h("p", { class: "card-title" }, t("calendar")),
      h("p", { class: "soft" }, t("calendar_what")),
      failed && h("p", { class: "failed" }, t("download_failed"))),
    downloadButton(calendar, t("calendar"), "calendar", scene));
}

function downloadButton(document, name, key, { t, downloads, onDownload }) {
  const isBusy = downloads.get(document.uri) === "busy";
  return h("button", {
    class: "button main",
    type: "button",
    id: `download-${key ?? 1}`,
    "aria-disabled": isBusy ? "true" : null,
    "aria-label": isBusy ? null : t("download_named", { name }),
    onclick: () => !isBusy && onDownload(document),
  }, t(isBusy ? "downloading" : "download"));
}

// Errors and texts

function errorView(booking, scene) {
  const { t, language, writer } = scene;
  const [meaning, advice] = meaningOf(booking.code, language);
  const isOpen = booking.effect === "unknown";
  const mark = badge(t(isOpen ? "badge_error_unknown" : "badge_error"), isOpen ? "warn" : "bad", isOpen ? "dots" : "cross");
  const effect = wordFor(t, language, `effect_${booking.effect}`, null);
  return [
    top(booking, scene, mark, meaning, null),
    effect && h("p", { class: isOpen ? "notice warn effect" : "notice effect" }, effect),
    h("section", {},
      h("h2", {}, t("next")),
      h("p", {}, advice, booking.retryAfter ? ` ${t("retry", { span: writer.span(booking.retryAfter) })}` : null),
      insteadOf(booking.instead, scene)),
    errorDetails(booking, t),
  ].filter(Boolean);
}

function errorDetails(booking, t) {
  const named = booking.fields.map((row) => {
    const words = [row.field, row.problem].filter(Boolean).join(": ");
    return h("li", {}, third(words), row.example && h("span", { class: "soft" }, " (", third(row.example), ")"));
  });
  const said = [booking.code, booking.message, booking.next].filter(Boolean);
  const words = said.length ? said : [booking.words].filter(Boolean);
  if (words.length === 0) return null;
  return h("details", {},
    h("summary", {}, t("details")),
    h("div", { class: "words", lang: "en" }, words.map((line) => h("p", {}, third(line))),
      named.length > 0 && h("ul", { class: "bullets" }, named)));
}

function textView(booking, scene) {
  const { t } = scene;
  const key = booking.words ? "text" : "empty";
  return [
    top(booking, scene, badge(t("badge_text"), "mute", null), t(`title_${key}`), t(`lead_${key}`)),
    booking.words && h("div", { class: "card words", dir: "auto" }, booking.words.split("\n").map((line) => h("p", {}, line))),
  ].filter(Boolean);
}

// Small things

/** Label and value, where there is a value. */
function facts(rows) {
  const known = rows.filter(([, value]) => value);
  if (known.length === 0) return null;
  return h("dl", { class: "facts" },
    known.map(([label, value]) => h("div", {}, h("dt", {}, label), h("dd", {}, value))));
}

/** Words of somebody else: their direction of writing stays within. */
function third(text) {
  return h("bdi", {}, text);
}

function isolated(text) {
  return `\u2068${text}\u2069`;
}

function joined(nodes) {
  return nodes.flatMap((node, index) => (index === 0 ? [node] : [" · ", node]));
}

function when(condition, made) {
  return condition ? [made()] : [];
}
