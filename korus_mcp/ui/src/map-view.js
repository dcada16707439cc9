/** The drawing: zones as shapes one can point at, reach by keyboard and hear; seats as dots. */

import { svg, h } from "./dom.js";
import { fits, stepOf } from "./wish.js";

const DIRECTIONS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
/** Sizes of a label in pixels of the screen, the first that fits; below them there is none. */
const LABEL_SIZES = [14, 12, 10.5];
const LINE = 1.2;
const LETTER = 0.58;

/**
 * The map of a sheet. `describe(zone, wish)` says it in words, `priceText(zone)` its price in short;
 * `choose(zone)` is called for the zone that was clicked, or entered on the keyboard.
 */
export class MapView {
  #sheet;
  #steps;
  #options;
  #shapes = new Map();
  #svg;
  #ring = svg("path", { class: "ring" });
  #mark = svg("path", { class: "mark" });
  #tip = h("div", { class: "tip", "aria-hidden": "true" });
  #hatch = svg("pattern", { id: "hatch", width: 8, height: 8, patternUnits: "userSpaceOnUse" }, stripes());
  #wish = null;

  constructor(sheet, steps, options) {
    this.#sheet = sheet;
    this.#steps = steps;
    this.#options = options;
    const drawn = sheet.zones.filter((zone) => zone.outline.length);
    for (const zone of drawn) this.#shapes.set(zone.key, this.#shapeOf(zone));
    this.#svg = svg(
      "svg",
      {
        viewBox: viewBoxOf(sheet, drawn),
        role: "group",
        "aria-label": options.words("map"),
        onkeydown: (event) => this.#key(event),
      },
      svg("defs", null, this.#hatch),
      this.#focusPoint(),
      [...this.#shapes.values()].map((shape) => shape.element),
      this.#mark,
      this.#ring,
    );
    this.element = h("div", { class: "map" }, this.#svg, this.#tip);
    this.#roam(drawn[0]?.key);
    new ResizeObserver(() => this.#fitLabels()).observe(this.element);
  }

  /** Show which zones fit the wish and which one is chosen (a zone or null). */
  show(wish, chosen) {
    this.#wish = wish;
    for (const { element, zone } of this.#shapes.values()) {
      element.classList.toggle("dim", zone.isOnSale && !fits(zone, wish));
      element.setAttribute("aria-label", this.#options.describe(zone, wish));
      if (zone.isOnSale) element.setAttribute("aria-pressed", String(zone === chosen));
    }
    outlineOn(this.#mark, chosen);
    if (chosen) this.#roam(chosen.key);
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
    const label = svg("text", { class: "label", "aria-hidden": "true" });
    const element = svg(
      "g",
      {
        class: ["zone", state, shade, zone.rows.length ? "seated" : ""].filter(Boolean).join(" "),
        role: "button",
        tabindex: "-1",
        "aria-disabled": zone.isOnSale ? null : "true",
        onclick: () => this.#choose(zone),
        onpointerenter: (event) => event.pointerType === "mouse" && this.#point(zone),
        onpointerleave: () => this.#unpoint(),
        onfocus: () => this.#focused(zone),
        onblur: () => this.#unpoint(),
      },
      svg("path", { class: "shape", d: pathOf(zone.outline) }),
      zone.isSoldOut && svg("path", { class: "hatched", d: pathOf(zone.outline) }),
      zone.rows.length && !zone.isSoldOut ? seatsOf(zone.rows) : null,
      label,
    );
    return { element, zone, label };
  }

  #focusPoint() {
    const { focus, height } = this.#sheet;
    if (!focus) return null;
    const [x, y] = focus;
    return svg(
      "g",
      { class: "focus", "aria-hidden": "true" },
      svg("circle", { cx: x, cy: y, r: height / 120 }),
      svg("text", { x, y, dy: "1.5em" }, this.#options.words("focus")),
    );
  }

  #choose(zone) {
    this.#roam(zone.key);
    if (zone.isOnSale) this.#options.choose(zone);
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

  /** The nearest zone in the direction of the key; what lies beside the way counts double. */
  #next(key, from) {
    const shapes = [...this.#shapes.values()];
    if (key === "Home") return shapes[0];
    if (key === "End") return shapes.at(-1);
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
    const shape = this.#shapes.get(zone.key).element.getBoundingClientRect();
    const box = this.element.getBoundingClientRect();
    this.#tip.replaceChildren(...this.#options.tip(zone, this.#wish));
    this.#tip.classList.add("shown");
    const half = this.#tip.offsetWidth / 2;
    const middle = shape.left - box.left + shape.width / 2;
    const above = shape.top - box.top - this.#tip.offsetHeight - 8;
    const y = above < 0 ? Math.min(shape.bottom - box.top + 8, box.height) : above;
    const x = Math.min(Math.max(middle, half), Math.max(half, box.width - half));
    this.#tip.style.transform = `translate(${Math.round(x - half)}px, ${Math.round(y)}px)`;
  }

  #unpoint() {
    this.#tip.classList.remove("shown");
    outlineOn(this.#ring, null);
  }

  #fitLabels() {
    const scale = this.#svg.getScreenCTM()?.a;
    if (!scale) return;
    this.#svg.style.setProperty("--px", String(1 / scale));
    this.#hatch.setAttribute("patternTransform", `scale(${1 / scale})`);
    for (const shape of this.#shapes.values()) this.#fitLabel(shape, 1 / scale);
  }

  /** Name and price, else the name, else its last word, else nothing. */
  #fitLabel({ zone, label }, pixel) {
    const name = zone.name || "";
    const price = this.#options.priceText(zone);
    const last = name.split(" ").at(-1);
    const wishes = [price ? [name, price] : [name], [name], price ? [last, price] : [last], [last]];
    for (const lines of wishes) {
      const size = LABEL_SIZES.find((s) => hasSpace(zone, lines, s * pixel));
      if (!size) continue;
      label.replaceChildren(...linesOf(zone.at, lines, size * pixel));
      label.setAttribute("font-size", size * pixel);
      return;
    }
    label.replaceChildren();
  }
}

function linesOf([x, y], lines, size) {
  const first = y - ((lines.length - 1) * LINE * size) / 2;
  return lines.map((line, i) =>
    svg("tspan", { class: i ? "price" : "", x, y: first + i * LINE * size, dy: "0.35em" }, line),
  );
}

/** Whether the lines stay inside the outline, measured across it at both edges of each line. */
function hasSpace(zone, lines, size) {
  const top = zone.at[1] - (lines.length * LINE * size) / 2;
  return lines.every((line, i) => {
    const needed = (line.length * LETTER * size) / 2 + size * 0.25;
    return [i, i + 1].every((edge) => needed <= halfChord(zone, top + edge * LINE * size));
  });
}

/** How far the outline reaches to the nearer side of the label's place, at a height. */
function halfChord({ outline, at: [x] }, y) {
  let [left, right] = [-Infinity, Infinity];
  outline.forEach(([x1, y1], i) => {
    const [x2, y2] = outline[(i + 1) % outline.length];
    if (y1 > y === y2 > y) return;
    const cut = x1 + ((y - y1) / (y2 - y1)) * (x2 - x1);
    if (cut <= x) left = Math.max(left, cut);
    else right = Math.min(right, cut);
  });
  return Number.isFinite(left) && Number.isFinite(right) ? Math.min(x - left, right - x) : 0;
}

function outlineOn(path, zone) {
  path.setAttribute("d", zone ? pathOf(zone.outline) : "");
}

function pathOf(points) {
  return points.length ? `M${points.map(([x, y]) => `${x} ${y}`).join("L")}Z` : "";
}

/** All seats of a zone in one path: lines of no length with round ends. */
function seatsOf(rows) {
  const d = rows.map((row) => row.map(([x, y]) => `M${x} ${y}h0`).join("")).join("");
  return svg("path", { class: "seats", d, "stroke-width": seatSize(rows) });
}

/** A bit over half of the usual distance between neighbours. */
function seatSize(rows) {
  const gaps = rows
    .slice(0, 40)
    .flatMap((row) => row.slice(1, 40).map(([x, y], i) => Math.hypot(x - row[i][0], y - row[i][1])))
    .filter((gap) => gap > 0)
    .sort((a, b) => a - b);
  return (0.62 * (gaps[gaps.length >> 1] ?? 10)).toFixed(2);
}

/** The whole of the drawing and a little space around it. */
function viewBoxOf({ width, height }, zones) {
  const points = zones.flatMap((zone) => zone.outline);
  const [left, top, right, bottom] = points.reduce(
    ([l, t, r, b], [x, y]) => [Math.min(l, x), Math.min(t, y), Math.max(r, x), Math.max(b, y)],
    [0, 0, width, height],
  );
  const space = Math.max(width, height) / 100;
  return [left - space, top - space, right - left + 2 * space, bottom - top + 2 * space].join(" ");
}

function stripes() {
  return svg("path", { d: "M0 8L8 0M-2 2L2 -2M6 10L10 6" });
}
