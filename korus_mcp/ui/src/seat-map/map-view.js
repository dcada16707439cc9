/**
 * The drawing: zones as shapes one can point at, reach by keyboard and hear; seats as dots.
 *
 * All areas lie below all seats, and those below all labels, so that no zone hides another's: who points
 * at a seat points at its zone, whatever area lies there.
 */

import { svg, h } from "../dom.js";
import { CROWD, drawLater, numbersOn, ringsAround, rowNames } from "./seats.js";
import { fits, stepOf } from "./wish.js";

const DIRECTIONS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
/** Sizes of a label in pixels of the screen, the first that fits; below them there is none. */
const LABEL_SIZES = [14, 12.5, 11, 9.5];
/** A form of label is for all zones where it fits this part of them. */
const MOST = 0.7;
const LINE = 1.2;
const LETTER = 0.57;
/** The way from a zone to what lies on each of its sides. */
const SIDES = { left: [-1, 0], right: [1, 0], above: [0, -1], below: [0, 1] };
/** How much of its own size is left around a zone that is enlarged, and how many times at most. */
const AROUND = 0.12;
const MOST_ENLARGED = 12;

/**
 * The map of a sheet. `describe(zone, wish)` says it in words, `priceText(zone)` its price in short;
 * `choose(zone)` is called for the zone that was clicked, or entered on the keyboard.
 */
export class MapView {
  #sheet;
  #steps;
  #options;
  #shapes = new Map();
  #inOrder;
  /** How many zones have each number, or name without one. */
  #alike = new Map();
  #svg;
  #ring = outline("ring");
  #mark = outline("mark");
  #tip = h("div", { class: "tip", "aria-hidden": "true" });
  #hatch = svg("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, stripes());
  #wish = null;
  #chosen = null;
  #enlarged = null;
  #whole;
  /** How large a pixel of the screen is, in the units of the map; 0 while it is not shown. */
  #pixel = 0;
  #names = svg("g", { class: "row-names", "aria-hidden": "true" });
  #numbers = svg("g", { class: "numbers", "aria-hidden": "true" });
  #rings = svg("g", { class: "yours", "aria-hidden": "true" });

  constructor(sheet, steps, options) {
    this.#sheet = sheet;
    this.#steps = steps;
    this.#options = options;
    const drawn = sheet.zones.filter((zone) => zone.outlines.length);
    for (const zone of drawn) this.#shapes.set(zone.key, this.#shapeOf(zone));
    for (const zone of sheet.zones) this.#alike.set(numberOf(zone)[0], (this.#alike.get(numberOf(zone)[0]) ?? 0) + 1);
    this.#inOrder = ordered(drawn).map((zone) => this.#shapes.get(zone.key));
    const bySize = [...this.#shapes.values()].sort((a, b) => areaOf(b.zone) - areaOf(a.zone));
    const layer = (name) => svg("g", { "aria-hidden": "true" }, bySize.map((shape) => shape[name]));
    this.#whole = viewBoxOf(sheet, drawn);
    this.#svg = svg(
      "svg",
      {
        viewBox: this.#whole.join(" "),
        role: "group",
        "aria-label": options.words("map"),
        onkeydown: (event) => this.#key(event),
      },
      svg("defs", null, this.#hatch),
      sheet.stages.map(stageArea),
      sheet.fronts.map((front) => this.#front(front, drawn)),
      sheet.levels.map(levelName),
      bySize.map((shape) => shape.element),
      this.#mark,
      this.#ring,
      layer("seats"),
      this.#numbers,
      this.#names,
      layer("label"),
      this.#rings,
    );
    this.element = h("div", { class: "map" }, this.#svg, this.#tip);
    this.#roam(this.#inOrder[0]?.zone.key);
    new ResizeObserver(() => this.#fitLabels()).observe(this.element);
    drawLater(bySize, (shape) => this.#thin(shape), () => this.#nameSeats());
  }

  /** Show which zones fit the wish and which one is chosen (a zone or null). */
  show(wish, chosen) {
    this.#wish = wish;
    for (const { element, seats, label, zone } of this.#shapes.values()) {
      const isDim = zone.isOnSale && !fits(zone, wish);
      for (const part of [element, seats, label]) part?.classList.toggle("dim", isDim);
      element.setAttribute("aria-label", this.#options.describe(zone, wish));
      if (zone.isOnSale) element.setAttribute("aria-pressed", String(zone === chosen));
    }
    outlineOn(this.#mark, chosen);
    this.#chosen = chosen;
    if (chosen) this.#roam(chosen.key);
    if (this.#enlarged && this.#enlarged !== chosen) this.#enlarge(null);
  }

  /** Move the keyboard to a zone; false when it is not drawn. */
  focus(zone) {
    const shape = this.#shapes.get(zone.key);
    shape?.element.focus();
    return shape !== undefined;
  }

  #shapeOf(zone) {
    const step = stepOf(zone, this.#steps);
    const shade = step ? `shade-${step.shade}` : "";
    const state = zone.isSoldOut ? "sold-out" : zone.isOnSale ? "on-sale" : "off-sale";
    const isOurs = zone.isSchematic && !this.#sheet.isSchematic;
    const classes = [state, shade, isOurs ? "ours" : ""].filter(Boolean).join(" ");
    const label = svg("text", { class: `label ${classes}` });
    const pointing = {
      "data-zone": zone.key,
      onclick: () => this.#choose(zone),
      onpointerenter: (event) => event.pointerType === "mouse" && this.#point(zone),
      onpointerleave: () => this.#unpoint(),
    };
    const element = svg(
      "g",
      {
        class: `zone ${classes}`,
        role: "button",
        tabindex: "-1",
        "data-place": `zone ${zone.number ?? zone.name}`,
        "aria-disabled": zone.isOnSale ? null : "true",
        ...pointing,
        onfocus: () => this.#focused(zone),
        onblur: () => this.#unpoint(),
      },
      svg("path", { class: "shape", d: pathOf(zone.outlines) }),
      zone.isSoldOut && svg("path", { class: "hatched", d: pathOf(zone.outlines) }),
    );
    // Seats that nobody can buy are not seen, but whoever points at them points at their zone.
    const seats = zone.rows.length ? svg("path", { class: `${zone.isOnSale ? "seats" : "places"} ${classes}`, ...pointing }) : null;
    return { element, seats, zone, label, classes };
  }

  /** A mark where people look; its words stand on the far side of the zones, upright beside them. */
  #front([x, y], zones) {
    const side = sideOf([x, y], zones);
    const dy = side === "above" || side === "left" ? "-0.8em" : "1.6em";
    const transform = side === "left" || side === "right" ? `rotate(-90 ${x} ${y})` : null;
    return svg(
      "g",
      { class: "focus", "aria-hidden": "true" },
      svg("path", { d: `M${x} ${y}h0` }),
      svg("text", { x, y, dy, transform }, this.#options.words(this.#sheet.isFront ? "front" : "focus")),
    );
  }

  /** Choose a zone; the one that is chosen already is shown with its seats, or the whole map again. */
  #choose(zone) {
    this.#roam(zone.key);
    if (zone === this.#chosen && zone.numbers.length) this.#enlarge(this.#enlarged ? null : zone);
    else if (zone.isOnSale) this.#options.choose(zone);
    else this.#options.refuse(zone);
  }

  #key(event) {
    const shape = [...this.#shapes.values()].find((s) => s.element === document.activeElement);
    if (!shape) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#choose(shape.zone);
      return;
    }
    const next = this.#next(event.key, shape.zone);
    if (!next) return;
    event.preventDefault();
    next.element.focus();
  }

  /**
   * The nearest zone in the direction of the key, where what lies beside the way counts double; or the
   * next one in the order of the hall, by which all are reached.
   */
  #next(key, from) {
    const shapes = this.#inOrder;
    const place = shapes.findIndex((shape) => shape.zone === from);
    if (key === "Home") return shapes[0];
    if (key === "End") return shapes.at(-1);
    if (key === "PageDown") return shapes[place + 1] ?? null;
    if (key === "PageUp") return shapes[place - 1] ?? null;
    const direction = DIRECTIONS[key];
    if (!direction) return null;
    const away = ({ zone }) => {
      const [dx, dy] = [zone.at[0] - from.at[0], zone.at[1] - from.at[1]];
      const along = dx * direction[0] + dy * direction[1];
      const beside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
      return along > 0.5 ? along + 2 * beside : Infinity;
    };
    const best = shapes.reduce((a, b) => (away(b) < away(a) ? b : a));
    return away(best) === Infinity ? null : best;
  }

  #focused(zone) {
    this.#roam(zone.key);
    const { element } = this.#shapes.get(zone.key);
    if (!element.matches(":focus-visible")) return;
    outlineOn(this.#ring, zone);
    this.#point(zone);
  }

  /** One zone at a time is a stop of the Tab key. */
  #roam(key) {
    for (const { element, zone } of this.#shapes.values()) {
      element.setAttribute("tabindex", zone.key === key ? "0" : "-1");
    }
  }

  #point(zone) {
    const { element } = this.#shapes.get(zone.key);
    element.classList.add("pointed");
    const shape = element.getBoundingClientRect();
    const box = this.element.getBoundingClientRect();
    this.#tip.replaceChildren(...this.#options.tip(zone, this.#wish));
    this.#tip.classList.add("shown");
    const half = this.#tip.offsetWidth / 2;
    const middle = shape.left - box.left + shape.width / 2;
    const above = shape.top - box.top - this.#tip.offsetHeight - 8;
    // Never below the page's own end: it would be made to scroll for a hint.
    const lowest = document.documentElement.clientHeight - box.top - this.#tip.offsetHeight - 4;
    const y = above < 0 ? Math.min(shape.bottom - box.top + 8, box.height, Math.max(lowest, 0)) : above;
    const x = Math.min(Math.max(middle, half), Math.max(half, box.width - half));
    this.#tip.style.transform = `translate(${Math.round(x - half)}px, ${Math.round(y)}px)`;
  }

  #unpoint() {
    for (const { element } of this.#shapes.values()) element.classList.remove("pointed");
    this.#tip.classList.remove("shown");
    outlineOn(this.#ring, null);
  }

  /** Show one zone as large as it may be, or with null the whole map. */
  #enlarge(zone) {
    this.#enlarged = zone;
    this.#svg.setAttribute("viewBox", (zone ? around(zone, this.#whole) : this.#whole).join(" "));
    this.#svg.classList.toggle("enlarged", zone !== null);
    this.#unpoint();
    this.#fitLabels();
  }

  #fitLabels() {
    const scale = this.#svg.getScreenCTM()?.a;
    if (!scale) return;
    this.#svg.style.setProperty("--px", String(1 / scale));
    this.#hatch.setAttribute("patternTransform", `scale(${1 / scale})`);
    const shapes = [...this.#shapes.values()];
    this.#pixel = 1 / scale;
    for (const shape of shapes) this.#thin(shape);
    this.#label(shapes, 1 / scale);
    this.#nameSeats();
  }

  /** Seats that are too near to each other are not seen. */
  #thin({ seats, gap }) {
    if (this.#pixel) seats?.classList.toggle("crowded", gap < CROWD * this.#pixel);
  }

  /** Names of rows where there is room, numbers where one zone is enlarged, rings around one's own seats. */
  #nameSeats() {
    const pixel = this.#pixel;
    if (!pixel) return;
    const shapes = [...this.#shapes.values()];
    const named = shapes.filter(({ zone }) => zone.ends.length && !zone.isSoldOut);
    const labels = this.#enlarged ? [] : shapes.map((shape) => shape.box).filter(Boolean);
    this.#names.replaceChildren(...(named.length ? rowNames(named, pixel, labels) : []));
    const large = this.#enlarged && this.#shapes.get(this.#enlarged.key);
    this.#numbers.setAttribute("class", `numbers ${large?.classes ?? ""}`);
    this.#numbers.replaceChildren(...(large ? numbersOn(large.zone, large.gap ?? 0, pixel) : []));
    const gap = Math.min(...shapes.map((shape) => shape.gap ?? Infinity), 20);
    this.#rings.replaceChildren(...ringsAround(this.#sheet.yours, gap, pixel));
  }

  /** One form and size for all zones; where it does not fit, less of the name, and small. */
  #label(shapes, pixel) {
    const size = LABEL_SIZES.at(-1) * pixel;
    const forms = [this.#nameAndPrice, this.#numberAndPrice, wholeName, numberOf];
    const choices = forms.flatMap((form) => LABEL_SIZES.map((size) => ({ form, size: size * pixel })));
    const fitsIn = ({ form, size }) => ({ zone }) => placeFor(zone, form(zone), size) !== null;
    // What does not fit enough zones is left at the first zone too many.
    const isForMost = (choice) => {
      let missed = 0;
      return shapes.every((shape) => fitsIn(choice)(shape) || ++missed <= (1 - MOST) * shapes.length);
    };
    const common = choices.find(isForMost) ?? { form: wholeName, size };
    const isPriced = forms.indexOf(common.form) < 2;
    const less = [isPriced && this.#numberAndPrice, wholeName, nameInTwo, numberOf].filter(Boolean).map((form) => ({ form, size }));
    for (const shape of shapes) {
      const choice = [common, ...less].find((c) => fitsIn(c)(shape));
      const lines = choice ? linesOf(choice.form(shape.zone), choice.size, shape.zone, choice.form === nameInTwo) : [];
      shape.box = choice && boxOf(placeFor(shape.zone, choice.form(shape.zone), choice.size), choice.form(shape.zone), choice.size);
      shape.label.replaceChildren(...lines);
      if (choice) shape.label.setAttribute("font-size", choice.size);
    }
  }

  #nameAndPrice = (zone) => [zone.name, this.#options.priceText(zone)].filter(Boolean);

  /** The number alone only where it tells the zone from all others. */
  #numberAndPrice = (zone) => {
    const [number] = numberOf(zone);
    const isTold = this.#alike.get(number) === 1;
    return [isTold ? number : zone.name, this.#options.priceText(zone)].filter(Boolean);
  };
}

function wholeName({ name }) {
  return [name];
}

/** "Centre garden side" as "Centre garden" and "side". */
function nameInTwo({ name }) {
  const breaks = [...name.matchAll(/ /g)].map((space) => space.index);
  const middle = breaks.sort((a, b) => Math.abs(a - name.length / 2) - Math.abs(b - name.length / 2))[0];
  return middle === undefined ? [name] : [name.slice(0, middle), name.slice(middle + 1)];
}

/** "East 101" as "101"; a last word without a digit does not tell zones apart. */
function numberOf({ name }) {
  const last = name.split(" ").at(-1);
  return [/\d/.test(last) ? last : name];
}

function linesOf(lines, size, zone, areAllName) {
  const [x, y] = placeFor(zone, lines, size);
  const first = y - ((lines.length - 1) * LINE * size) / 2;
  return lines.map((line, i) =>
    svg("tspan", { class: /\d/.test(line) && i && !areAllName ? "price" : "", x, y: first + i * LINE * size, dy: "0.35em" }, line),
  );
}

/** The room that lines take. */
function boxOf([x, y], lines, size) {
  const across = (Math.max(...lines.map((line) => line.length)) * LETTER * size) / 2;
  const down = (lines.length * LINE * size) / 2;
  return [x - across, y - down, x + across, y + down];
}

/** Where the lines have room, as near to the middle of their zone as can be; null where they have none. */
function placeFor({ rooms, at: [x, y] }, lines, size) {
  const half = (Math.max(...lines.map((line) => line.length)) * LETTER * size) / 2 + size * 0.15;
  const tall = (lines.length * LINE * size) / 2;
  const places = rooms
    .filter(([left, top, right, bottom]) => right - left >= 2 * half && bottom - top >= 2 * tall)
    .map(([left, top, right, bottom]) => [within(x, left + half, right - half), within(y, top + tall, bottom - tall)]);
  const away = ([px, py]) => Math.hypot(px - x, py - y);
  return places.reduce((best, place) => (best && away(best) <= away(place) ? best : place), null);
}

function within(value, least, most) {
  return Math.min(Math.max(value, least), most);
}

/** A line around a zone, on a broader one in the colour of the page: seen on every fill. */
function outline(name) {
  return svg("g", { class: `outline ${name}` }, svg("path"), svg("path"));
}

function outlineOn(group, zone) {
  const d = zone ? pathOf(zone.outlines) : "";
  for (const path of group.children) path.setAttribute("d", d);
}

/** The blocks of a zone, each with an outline of its own. */
function pathOf(outlines) {
  return outlines.map((points) => `M${points.map(([x, y]) => `${x} ${y}`).join("L")}Z`).join("");
}

/** Zones as one reads a hall: rank by rank from above, in each from left to right, and from above. */
function ordered(zones) {
  const boxes = zones.map((zone) => ({ zone, box: extentOf(zone.outlines.flat()) }));
  const ranks = grouped(boxes, 1);
  return ranks.flatMap((rank) => grouped(rank, 0).flat()).map(({ zone }) => zone);
}

/** Groups of zones along an axis: a zone is of a group while its middle is not beyond the end of the first. */
function grouped(boxes, axis) {
  const middle = ({ box }) => (box[axis] + box[axis + 2]) / 2;
  const groups = [];
  let end = -Infinity;
  for (const one of [...boxes].sort((a, b) => middle(a) - middle(b))) {
    if (middle(one) < end) groups.at(-1).push(one);
    else {
      groups.push([one]);
      end = one.box[axis + 2];
    }
  }
  // Within a group the other axis decides.
  const other = 1 - axis;
  return groups.map((group) => group.sort((a, b) => a.box[other] + a.box[other + 2] - b.box[other] - b.box[other + 2]));
}

function areaOf({ outlines }) {
  const twice = (points) => points.reduce((sum, [x, y], i) => sum + points.at(i - 1)[0] * y - x * points.at(i - 1)[1], 0);
  return outlines.reduce((sum, points) => sum + Math.abs(twice(points)), 0);
}

/** The part of a map in which a zone is seen as large as can be, with the shape of the whole. */
function around({ outlines }, [left, top, width, height]) {
  const [l, t, r, b] = extentOf(outlines.flat());
  const share = Math.max((r - l) / width, (b - t) / height) * (1 + 2 * AROUND);
  const part = Math.min(Math.max(share, 1 / MOST_ENLARGED), 1);
  if (part === 1) return [left, top, width, height];
  return [(l + r - part * width) / 2, (t + b - part * height) / 2, part * width, part * height];
}

function extentOf(points) {
  return points.reduce(
    ([l, t, r, b], [x, y]) => [Math.min(l, x), Math.min(t, y), Math.max(r, x), Math.max(b, y)],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
}

/** What is drawn and a little space around it; the words at the focus need some more. */
function viewBoxOf({ width, height, fronts, stages, levels }, zones) {
  const space = Math.max(width, height) / 100;
  const marks = fronts.flatMap(([x, y]) => {
    const [across, down] = SIDES[sideOf([x, y], zones)];
    return [[x - 2 * space, y - 2 * space], [x + 2 * space, y + 2 * space], [x + 6 * space * across, y + 6 * space * down]];
  });
  marks.push(...levels.map(({ at: [x, y], isAbove }) => [x, y + 3 * space * (isAbove ? -1 : 1)]));
  const points = [...[...zones, ...stages].flatMap((area) => area.outlines.flat()), ...marks];
  const [left, top, right, bottom] = extentOf(points);
  return [left - space, top - space, right - left + 2 * space, bottom - top + 2 * space];
}

/** On which side of the nearest zone a point lies. */
function sideOf([x, y], zones) {
  const away = zones
    .flatMap(({ outlines }) => outlines)
    .map((outline) => [beyond(x, outline.map((p) => p[0])), beyond(y, outline.map((p) => p[1]))]);
  const [dx, dy] = away.reduce((a, b) => (Math.hypot(...b) < Math.hypot(...a) ? b : a), away[0] ?? [0, 0]);
  if (Math.abs(dx) > Math.abs(dy)) return dx < 0 ? "left" : "right";
  return dy < 0 ? "above" : "below";
}

/** How far a number is below the least of some (negative) or above the greatest; 0 between them. */
function beyond(at, among) {
  return Math.min(at - Math.min(...among), 0) || Math.max(at - Math.max(...among), 0);
}

/** The name of a deck or floor, on the far side of its front. */
function levelName({ name, at: [x, y], isAbove }) {
  return svg("text", { class: "level", "aria-hidden": "true", x, y, dy: isAbove ? "0" : "0.7em" }, name);
}

/** A zone that is what people look at: painted as that, with its name, and not to be chosen. */
function stageArea({ name, outlines, at: [x, y] }) {
  return svg(
    "g",
    { class: "stage", "aria-hidden": "true" },
    svg("path", { d: pathOf(outlines) }),
    svg("text", { x, y, dy: "0.35em" }, name),
  );
}

function stripes() {
  return svg("path", { d: "M0 8L8 0M-2 2L2 -2M6 10L10 6" });
}
