/** The zones as a list: all the map shows, for those who do not see it or rather read. */

import { fill, h } from "../dom.js";
import { fits, stepOf } from "./wish.js";

/**
 * The list of a sheet's zones, those that fit first. `words`, `choose(zone)` as of the map;
 * `facts(zone)` gives `{name, category, price, left}` in words; `reveal(element)` turns to its page.
 */
export class ZoneList {
  #sheet;
  #steps;
  #options;
  #rows = [];
  #roaming = null;

  constructor(sheet, steps, options) {
    this.#sheet = sheet;
    this.#steps = steps;
    this.#options = options;
    this.element = h("div", { class: "list", onkeydown: (event) => this.#key(event) });
  }

  /** Show which zones fit a wish; `isAsFirst` while the server's ranking was made for this wish. */
  show(wish, isAsFirst) {
    const { words } = this.#options;
    const ordered = [...this.#sheet.zones].sort(byRank);
    const fitting = ordered.filter((zone) => fits(zone, wish));
    const others = ordered.filter((zone) => !fits(zone, wish));
    this.#rows = [];
    fill(
      this.element,
      h(
        "section",
        null,
        h("h2", null, words("fitting", { count: fitting.length })),
        fitting.length
          ? h("ul", null, fitting.map((zone, i) => this.#row(zone, isAsFirst && i === 0)))
          : h("p", { class: "soft" }, words("none_fits")),
      ),
      others.length > 0 &&
        h(
          "section",
          { class: "others" },
          h("h2", null, words("others", { count: others.length })),
          h("ul", null, others.map((zone) => this.#row(zone))),
        ),
    );
    this.#roam(this.#rows.find((row) => row.zone === this.#roaming) ?? this.#rows[0]);
  }

  /** Move the keyboard to a zone. */
  focus(zone) {
    this.#go(this.#rows.find((row) => row.zone === zone) ?? this.#rows[0]);
  }

  #row(zone, isBest) {
    const { facts, choose, words } = this.#options;
    const { name, category, price, left } = facts(zone);
    const element = h(
      "button",
      {
        type: "button",
        class: "row",
        tabindex: "-1",
        "data-place": `row ${zone.number ?? zone.name}`,
        "aria-disabled": zone.isOnSale ? null : "true",
        onclick: () => (zone.isOnSale ? choose(zone) : this.#options.refuse(zone)),
        onfocus: () => this.#roam(row),
      },
      swatch(zone, this.#steps),
      h(
        "span",
        { class: "what" },
        h("bdi", { class: "name" }, name),
        category && h("bdi", { class: "category" }, category),
        isBest && h("span", { class: "badge" }, "★ ", words("best")),
      ),
      h("span", { class: "much" }, h("span", { class: "price" }, price), h("span", { class: "left" }, left)),
    );
    const row = { zone, element };
    this.#rows.push(row);
    return h("li", null, element);
  }

  #key(event) {
    const at = this.#rows.findIndex((row) => row.element === document.activeElement);
    const last = this.#rows.length - 1;
    const next = {
      ArrowDown: Math.min(at + 1, last),
      ArrowUp: Math.max(at - 1, 0),
      Home: 0,
      End: last,
    }[event.key];
    if (at < 0 || next === undefined) return;
    event.preventDefault();
    this.#go(this.#rows[next]);
  }

  #go(row) {
    if (!row) return;
    this.#options.reveal(row.element);
    row.element.focus();
  }

  #roam(current) {
    for (const row of this.#rows) row.element.setAttribute("tabindex", row === current ? "0" : "-1");
    this.#roaming = current?.zone ?? null;
  }
}

/** The colour of a zone on the map, as a small square. */
export function swatch(zone, steps) {
  const step = stepOf(zone, steps);
  const shade = step ? `shade-${step.shade}` : zone.isSoldOut ? "sold-out" : "off-sale";
  return h("span", { class: `swatch ${shade}` });
}

function byRank(a, b) {
  return (
    Number(b.isOnSale) - Number(a.isOnSale) ||
    (a.best ?? Infinity) - (b.best ?? Infinity) ||
    Number(a.from ?? Infinity) - Number(b.from ?? Infinity) ||
    a.key - b.key
  );
}
