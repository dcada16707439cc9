/** The seats of a map: dots, their numbers, names of rows, rings around those of the person who looks. */

import { svg } from "../dom.js";
import { clean } from "../texts.js";

/** Seats nearer to each other than this, in pixels, are a grey mist: they are left out. */
export const CROWD = 3.2;
/** Sizes of the names of rows in pixels, the first at which most have room. */
const NAME_SIZES = [12, 11, 10, 9];
const MOST_NAMES = 0.8;
/** Of a zone so many rows are named, or none: a few are noise. */
const ENOUGH = 0.6;
/** Sizes of numbers on seats, in pixels: at most, and at least. */
const NUMBER_SIZES = [12, 6.5];
const LETTER = 0.6;
/** A ring is at least so large, in pixels. */
const RING = 7;
/** How long seats may be drawn at once, in milliseconds, before other work has its turn. */
const SLICE = 8;

/**
 * Draw the seats of `shapes` (`{seats, zone}`, of which each gets its `gap`) once all else is on the screen:
 * areas, prices and the list come first, and thousands of seats do not hold them up. `drawn(shape)` is
 * called for each, `done()` after the last.
 */
export function drawLater(shapes, drawn, done) {
  const left = shapes.filter(({ seats }) => seats);
  const some = () => {
    const until = performance.now() + SLICE;
    while (left.length && performance.now() < until) {
      const shape = left.shift();
      const rows = rowsOf(shape.zone);
      shape.gap = gapOf(rows);
      shape.seats.setAttribute("stroke-width", (0.6 * shape.gap).toFixed(2));
      shape.seats.setAttribute("d", rows.map(dots).join(""));
      drawn(shape);
    }
    if (left.length) setTimeout(some);
    else done();
  };
  if (left.length) requestAnimationFrame(() => setTimeout(some));
  else done();
}

const known = new WeakMap();

/** The rows of a zone as flat lists: x, y, x, y, ... They are read when they are needed first. */
function rowsOf(zone) {
  if (!known.has(zone)) known.set(zone, zone.rows.map(flatOf));
  return known.get(zone);
}

function flatOf(text) {
  const flat = text.split(" ").map(Number);
  return flat.length % 2 === 0 && flat.every(Number.isFinite) ? flat : [];
}

/** Lines of no length with round ends. */
function dots(row) {
  let d = "";
  for (let i = 0; i < row.length; i += 2) d += `M${row[i]} ${row[i + 1]}h0`;
  return d;
}

/** The usual distance between neighbours, within a row or between rows, whichever is less. */
function gapOf(rows) {
  const some = rows.slice(0, 30);
  const beside = some.flatMap((row) => {
    const ways = [];
    for (let i = 2; i < Math.min(row.length, 60); i += 2) ways.push(Math.hypot(row[i] - row[i - 2], row[i + 1] - row[i - 1]));
    return ways;
  });
  const behind = some.slice(1).map((row, i) => Math.hypot(row[0] - some[i][0], row[1] - some[i][1]));
  return Math.min(middleOf(beside), middleOf(behind), 20);
}

function middleOf(gaps) {
  const real = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  return real[real.length >> 1] ?? Infinity;
}

/** Names of rows at their ends, as texts; `taken` are boxes that they must not meet. */
export function rowNames(shapes, pixel, taken) {
  const ends = shapes.flatMap(({ zone, classes }) => zone.ends.map((end) => ({ ...end, zone, classes })));
  const fitting = (size) => ends.map((end) => boxed(end, size * pixel)).filter(Boolean);
  const most = fitting(NAME_SIZES.at(-1)).length;
  const size = NAME_SIZES.find((each) => fitting(each).length >= MOST_NAMES * most);
  const kept = [];
  for (const name of fitting(size)) {
    if (![...taken, ...kept.map((each) => each.box)].some((box) => meet(box, name.box))) kept.push(name);
  }
  return kept.filter(({ end }) => isMost(kept, end.zone)).map(({ end, box }) =>
    svg("text", { class: "row-name", x: (box[0] + box[2]) / 2, y: (box[1] + box[3]) / 2, dy: "0.36em", "font-size": size * pixel }, end.name),
  );
}

/** A name and the box it takes, where it has room. */
function boxed(end, size) {
  const [across, down] = [end.name.length * LETTER * size, 0.8 * size];
  const [dx, dy] = end.away;
  const along = Math.abs(dx) * across + Math.abs(dy) * down;
  const aside = Math.abs(dy) * across + Math.abs(dx) * down;
  if (along > end.room || aside > end.band) return null;
  const [x, y] = [end.at[0] + (dx * along) / 2, end.at[1] + (dy * along) / 2];
  return { end, box: [x - across / 2, y - down / 2, x + across / 2, y + down / 2] };
}

function isMost(kept, zone) {
  const named = new Set(kept.filter((each) => each.end.zone === zone).map((each) => each.end.name));
  return named.size >= ENOUGH * new Set(zone.ends.map((end) => end.name)).size;
}

function meet([left, top, right, bottom], [left2, top2, right2, bottom2]) {
  return left < right2 && left2 < right && top < bottom2 && top2 < bottom;
}

/** The numbers of a zone's seats, each on its dot; none where they would be too small to read. */
export function numbersOn(zone, gap, pixel) {
  const rows = rowsOf(zone);
  const numbers = rows.map((row, r) => numbersOf(zone.numbers[r], row.length / 2));
  const longest = Math.max(1, ...numbers.flat().map((number) => number.length));
  const size = Math.min(NUMBER_SIZES[0] * pixel, (0.95 * gap) / (LETTER * longest));
  if (size < NUMBER_SIZES[1] * pixel) return [];
  return rows.flatMap((row, r) =>
    numbers[r].map((number, i) => svg("text", { x: row[2 * i], y: row[2 * i + 1], dy: "0.36em", "font-size": size }, number)),
  );
}

/** The names of so many seats: as they are, or two numbers: the first and the step. */
function numbersOf(names, count) {
  if (!Array.isArray(names)) return [];
  const [first, step] = names;
  if (Number.isFinite(first)) return Array.from({ length: count }, (_, i) => String(first + i * step));
  return names.slice(0, count).map((name) => clean(name, 8));
}

/** A ring around each of the person's seats, on a broader one in the colour of the page. */
export function ringsAround(yours, gap, pixel) {
  const r = Math.max(RING * pixel, 0.5 * gap);
  const places = yours.filter(({ at }) => at);
  // All rims lie below all rings: the rim of a seat would hide the ring of its neighbour.
  return ["rim", "ring"].flatMap((part) => places.map(({ at: [cx, cy] }) => svg("circle", { class: part, cx, cy, r })));
}
