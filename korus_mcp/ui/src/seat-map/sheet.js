/**
 * What a get_seat_map result says, made safe to draw: the sheet of its `_meta`, else its zones.
 *
 * A sheet is `{title, venue, date, language, currency, baseId, sessionId, quantity, maxPrice, prefer,
 * priceType, asked, asOf, notes, stocks, isDrawn, isTiled, isSchematic, width, height, fronts, isFront, stages,
 * levels, strays, yours, zones, untied, hidden}`; a stock that zones share `{name, left, count}`; a zone `{key,
 * number, name, category, color, outlines, at, rooms, rows, numbers, ends, isSchematic, from, to, left, places,
 * best, offers, isShared, isCut,
 * isAbove, isUnknown, isOnSale, isSoldOut}`; an offer `{id, product, price, foreign, left, isBeside}`. Prices are texts of an
 * amount ("45.00") in the sheet's one currency; `foreign` is the price of an offer in another
 * ("45.00 USD"). One that `isBeside` is not among those by which the zone is compared: it is of another
 * price type or category. `asOf` is when prices and stock were read, in milliseconds, or null. A zone `isShared`
 * when other zones sell out of the same stock, and has room for so many `places`; it `isCut` when not all its offers are listed, `isAbove` when all
 * cost more than was asked for, `isUnknown` when it has none and not all could be read; a
 * sheet has `stages` (`{name, outlines, at}`), which nobody buys, `levels` (`{name, at, isAbove}`), and `isFront` when its `fronts` are those of a
 * vehicle; it `isTiled` when nobody told where its zones are. The `rows` of a zone are texts ("x y x y"), its
 * `numbers` name their seats (see seats.js), its `ends` are `{name, at, away, room, band}`. In `yours`, seats of
 * the person who looks are `{zone, row, seat, at, isOrdered, isFound}`. What has another shape than it should is
 * left out.
 */

import { tiled } from "./tiles.js";
import { clean } from "../texts.js";
import { listOf } from "../values.js";
import { instantOf } from "../writing.js";

export const SHEET_KEY = "io.github.korus-mcp/seat-map";

const MOST_ZONES = 2_000;
/** Of all rows of seats together: some 20,000 seats. */
const MOST_SIGNS = 200_000;
const PREFERENCES = ["cheapest", "closest", "together"];
/** How the server says that all offers of a zone cost more than was asked for. */
const ABOVE = "above the highest price";
/** How it says that a zone has no offer, and that not all offers are known. */
const UNKNOWN = "no offer known";

/**
 * The sheet of a tool result, or null where it says nothing of zones.
 *
 * Without `_meta` what was wished comes from `input`, the arguments of the call.
 */
export function sheetOf(result, input = {}) {
  const sheet = result?._meta?.[SHEET_KEY];
  if (Array.isArray(sheet?.zones)) return ofSheet(sheet);
  const view = result?.structuredContent;
  return Array.isArray(view?.zones) ? ofView(view, input) : null;
}

function ofSheet(sheet) {
  const categories = listOf(sheet.categories);
  const currency = clean(sheet.currency, 3);
  const zones = listOf(sheet.zones)
    .slice(0, MOST_ZONES)
    .map((zone, place) => zoneOf(zone, place, categories, currency));
  const width = sizeOf(sheet.width);
  const height = sizeOf(sheet.height);
  const signs = zones.reduce((sum, z) => sum + z.rows.reduce((n, row) => n + row.length, 0), 0);
  if (signs > MOST_SIGNS) for (const zone of zones) zone.rows = [];
  return {
    title: clean(sheet.title, 120),
    venue: clean(sheet.venue, 120),
    date: clean(sheet.date, 10),
    language: clean(sheet.language, 8),
    currency,
    baseId: idOf(sheet.product_base_id),
    sessionId: idOf(sheet.session_id),
    quantity: countOf(sheet.quantity) || 1,
    maxPrice: amountOf(sheet.max_price),
    priceType: clean(sheet.price_type),
    asked: askedOf(sheet.asked),
    prefer: preferenceOf(sheet.prefer),
    asOf: instantOf(sheet.as_of),
    notes: notesOf(sheet.notes),
    stocks: listOf(sheet.stocks).map((stock) => stockOf(stock, stock.name)).filter(Boolean),
    isDrawn: width > 0 && height > 0 && zones.some((z) => z.outlines.length),
    isTiled: false,
    isSchematic: sheet.schematic === true,
    width,
    height,
    fronts: pointsOf(sheet.focus),
    isFront: sheet.front === true,
    stages: listOf(sheet.stages).map(stageOf).filter(Boolean),
    levels: listOf(sheet.levels).map(levelOf).filter(Boolean),
    strays: countOf(sheet.strays) ?? 0,
    yours: listOf(sheet.yours).map(yoursOf),
    zones,
    untied: countOf(sheet.untied_count) ?? listOf(sheet.untied).length,
    hidden: countOf(sheet.hidden) ?? 0,
  };
}

function zoneOf(zone, place, categories, currency) {
  const category = categories[zone.category] ?? {};
  const outlines = outlinesOf(zone);
  const offers = offersOf(zone.offers, currency);
  const from = amountOf(zone.from, currency);
  const to = amountOf(zone.to, currency);
  return withState({
    key: place,
    number: countOf(zone.n) ?? null,
    name: clean(zone.name),
    category: clean(category.name),
    color: /^#[0-9a-f]{6}$/i.test(category.color) ? category.color : null,
    outlines,
    at: pointsOf(zone.at)[0] ?? outlines[0]?.[0] ?? null,
    rooms: listed(zone.rooms).filter((room) => room?.length === 4 && room.every(Number.isFinite)),
    rows: listed(zone.rows).filter((row) => typeof row === "string"),
    numbers: listed(zone.numbers),
    ends: listed(zone.ends).map(endOf).filter(Boolean),
    isSchematic: zone.schematic === true,
    from,
    to,
    left: countOf(zone.left),
    places: countOf(zone.places),
    best: countOf(zone.best) ?? null,
    offers,
    isShared: countOf(zone.shared) > 1,
    isCut: isCut(zone, offers, from, to),
    isAbove: zone.why === ABOVE,
    isUnknown: zone.why === UNKNOWN,
  });
}

function outlinesOf(zone) {
  return listed(zone.outlines).map(pointsOf).filter((points) => points.length > 2);
}

/** A zone that is what people look at, or null where it has no outline. */
function stageOf(zone) {
  const outlines = outlinesOf(zone);
  return outlines.length ? { name: clean(zone.name), outlines, at: pointsOf(zone.at)[0] ?? outlines[0][0] } : null;
}

/** A deck or floor drawn beside others, or null where its name has no place. */
function levelOf({ name, at, above }) {
  const [place] = pointsOf(at);
  return place ? { name: clean(name, 40), at: place, isAbove: above === true } : null;
}

function offersOf(offers, currency) {
  return listOf(offers)
    .map((offer) => {
      const price = amountOf(offer.price, currency);
      return {
        id: idOf(offer.id ?? offer.offer_id),
        product: clean(offer.product, 120),
        price,
        foreign: price === null && amountOf(offer.price) !== null ? clean(offer.price, 20) : "",
        left: countOf(offer.left),
        isBeside: offer.beside === true,
      };
    })
    .filter((offer) => offer.id);
}

/** A host that drops `_meta` leaves the zones of the structured answer: their places are not told. */
function ofView(view, input) {
  const zones = listOf(view.zones).slice(0, MOST_ZONES);
  const currency = currencyOf(zones.find((zone) => zone.from_price)?.from_price);
  const plan = tiled(zones.map((zone, place) => zoneOfView(zone, place, currency)));
  return {
    title: "",
    venue: "",
    date: clean(view.date, 10),
    language: clean(input.language, 8),
    currency,
    baseId: idOf(view.product_base_id),
    sessionId: idOf(input.session_id),
    quantity: countOf(input.quantity) || 1,
    maxPrice: amountOf(input.max_price),
    priceType: clean(view.price_type),
    asked: askedOf(input),
    prefer: preferenceOf(input.prefer),
    asOf: instantOf(view.as_of),
    notes: notesOf(view.notes),
    stocks: listOf(view.categories).flatMap((of) => listOf(of.shared).map((stock) => stockOf(stock, of.category))).filter(Boolean),
    isDrawn: plan.zones.length > 0,
    isTiled: true,
    isSchematic: true,
    width: plan.width,
    height: plan.height,
    fronts: [],
    isFront: false,
    stages: [],
    levels: [],
    strays: 0,
    yours: listOf(view.yours).flatMap(yoursOfView),
    zones: plan.zones,
    untied: countOf(view.counts?.untied_offers) ?? 0,
    hidden: countOf(view.counts?.zones_hidden) ?? 0,
  };
}

function zoneOfView(zone, place, currency) {
  const offers = offersOf(zone.offers, currency);
  const from = amountOf(zone.from_price, currency);
  const to = amountOf(zone.to_price, currency);
  return withState({
    key: place,
    number: null,
    name: clean(zone.zone),
    category: clean(zone.category),
    color: null,
    outlines: [],
    at: null,
    rooms: [],
    rows: [],
    numbers: [],
    ends: [],
    isSchematic: false,
    from,
    to,
    left: countOf(zone.left),
    places: countOf(zone.places),
    best: place + 1,
    offers,
    isShared: zone.shared === true,
    isCut: isCut(zone, offers, from, to),
    isAbove: zone.why === ABOVE,
    isUnknown: zone.why === UNKNOWN,
  });
}

/** Whether offers are missing: so many more, or those at the lowest or highest price of the zone. */
function isCut({ more }, offers, ...ends) {
  if (!offers.length) return false;
  const prices = offers.map(({ price }) => (price === null ? null : Number(price)));
  return countOf(more) > 0 || ends.some((end) => end !== null && !prices.includes(Number(end)));
}

/** What is left of the zone counts; of its offers only where they are all there. */
function withState(zone) {
  const areGone = zone.offers.length > 0 && zone.offers.every((offer) => offer.left === 0);
  zone.isSoldOut = zone.left === undefined ? areGone && !zone.isCut : zone.left === 0;
  zone.isOnSale = !zone.isSoldOut && (zone.from !== null || zone.offers.length > 0);
  zone.isAbove &&= !zone.isSoldOut && !zone.isOnSale;
  zone.isUnknown &&= !zone.isSoldOut && !zone.isOnSale;
  return zone;
}

/** What zones share, or null where it says nothing. */
function stockOf({ left, zones }, name) {
  const [stock, count] = [countOf(left), countOf(zones)];
  return stock && count > 1 ? { name: clean(name), left: stock, count } : null;
}

/** The price types and seating categories that were asked for, in the words of the call. */
function askedOf(asked) {
  const names = ["price_type", "seating_category"].map((name) => [name, clean(asked?.[name], 200)]);
  return Object.fromEntries(names.filter(([, words]) => words));
}

function preferenceOf(value) {
  return PREFERENCES.includes(value) ? value : "";
}

function notesOf(notes) {
  return Array.isArray(notes) ? notes.filter((note) => typeof note === "string") : [];
}


/** An id as our tools take them; words are none. */
export function idOf(value) {
  return typeof value === "string" && /^[\w.:/@~-]{1,200}$/.test(value) ? value : "";
}

/** "45.00" of 45, "45.00" and "45.00 EUR"; null of another currency than the one named. */
export function amountOf(value, currency = "") {
  const [, amount, own] = /^(\d{1,9}(?:\.\d{1,4})?)(?: ([A-Z]{3}))?$/.exec(String(value ?? "")) ?? [];
  return amount !== undefined && (!own || !currency || own === currency) ? amount : null;
}

export function currencyOf(value) {
  return / ([A-Z]{3})$/.exec(String(value ?? ""))?.[1] ?? "";
}

export function countOf(value) {
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function listed(value) {
  return Array.isArray(value) ? value : [];
}

function sizeOf(value) {
  return Number.isFinite(value) && value > 0 && value <= 100_000 ? value : 0;
}


/** An end of a row: its name, where that begins, in which direction, and how much room it has. */
function endOf(end) {
  if (!Array.isArray(end) || !end.slice(1, 7).every(Number.isFinite)) return null;
  const [name, x, y, dx, dy, room, band] = end;
  return { name: clean(name, 8), at: [x, y], away: [dx / 100, dy / 100], room, band };
}

/** A seat of the person who looks; `at` is null where the map does not tell its place. */
function yoursOf(seat) {
  return {
    ...Object.fromEntries(["zone", "row", "seat"].map((part) => [part, clean(seat[part], 40)])),
    at: pointsOf(seat.at)[0] ?? null,
    isOrdered: seat.ordered === true,
    isFound: seat.found === true,
  };
}

/** The same of the structured answer, which tells seats of one row together and no places. */
function yoursOfView(group) {
  const numbers = listed(group.seats).length ? group.seats : [""];
  return numbers.map((seat) => yoursOf({ zone: group.zone, row: group.row, seat, ordered: group.ordered, found: group.not_found !== true }));
}

/** [x, y, x, y] as [[x, y], [x, y]]; nothing when one of them is no number. */
function pointsOf(flat) {
  if (!Array.isArray(flat) || flat.length % 2 || !flat.every(Number.isFinite)) return [];
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}
