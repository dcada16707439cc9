/** Shows the parts of an area page by page, where it is higher than its room: nothing scrolls in it. */

import { fill, h } from "./dom.js";

/** What does not fit on a page any more goes on the next as a whole where it is no higher than this part of it. */
const SMALL = 0.3;
/** How often pages that came out too high are made smaller. */
const TRIES = 12;

/**
 * A pager of `area`.
 *
 * `divides` (a selector) are elements whose children may stand on different pages, `heads` children that
 * stand on each page of their parent, `whole` elements that are divided only where they are higher than
 * the room. `within` is the element that grows with the area, if not itself. `turned(text)` is called
 * with what to say of another page.
 */
export class Pager {
  #area;
  #within;
  #selectors;
  #turned;
  #words = null;
  #limit = null;
  /** By how much pages came out higher than reckoned: margins are not measured. */
  #surplus = 0;
  #units = [];
  /** Place of the first unit of each page. */
  #begins = [0];
  #page = 0;
  #back = turn("‹", () => this.#turn(-1));
  #on = turn("›", () => this.#turn(1));
  #at = h("span", { class: "at" });

  constructor(area, { within = area, divides, heads, whole, turned }) {
    this.#area = area;
    this.#within = within;
    this.#selectors = { divides, heads, whole };
    this.#turned = turned;
    this.element = h("nav", { class: "pager", hidden: true }, this.#back, this.#at, this.#on);
  }

  /** Speak in these words from now on: `words(key, values)`. */
  speak(words) {
    this.#words = words;
    this.element.setAttribute("aria-label", words("pages"));
    this.#back.setAttribute("aria-label", words("page_back"));
    this.#on.setAttribute("aria-label", words("page_on"));
  }

  /** Begin with the first page at the next `fit`. */
  restart() {
    this.#page = 0;
  }

  /** Lay the area out in a document of at most `limit` pixels; with null all of it is shown. */
  fit(limit) {
    this.#limit = limit;
    this.#surplus = 0;
    this.#units = [];
    this.#begins = [0];
    this.#showAll();
    this.element.hidden = true;
    if (limit === null || this.#over() <= 0) return;
    this.element.hidden = false;
    this.#settle(() => Math.min(this.#page, this.#begins.length - 1));
    this.element.hidden = this.#begins.length < 2;
  }

  /** Turn to the page of an element of the area. */
  reveal(element) {
    const place = this.#placeOf(element);
    if (place >= 0 && this.#pageOf(place) !== this.#page) this.#go(this.#pageOf(place), element);
  }

  #turn(by) {
    const page = this.#page + by;
    if (page < 0 || page >= this.#begins.length) return;
    this.#go(page);
    this.#turned(this.#words("page_of", { page: this.#page + 1, pages: this.#begins.length }));
  }

  /** Show a page, or where it comes out too high the one that `wanted` stands on then. */
  #go(page, wanted = this.#units[this.#begins[page]]) {
    this.#page = page;
    this.#show();
    if (this.#isWithin()) return;
    this.#surplus += this.#over();
    this.#settle(() => this.#pageOf(this.#placeOf(wanted)));
  }

  /** The place of the unit that an element is a part of, or the first of those it consists of. */
  #placeOf(element) {
    return this.#units.findIndex((unit) => unit.contains(element) || element.contains(unit));
  }

  /** Make the pages anew until the one that is to be shown (`choose()`) is no higher than it may be. */
  #settle(choose) {
    for (let tries = 0; tries < TRIES; tries += 1) {
      this.#showAll();
      this.#divide(this.#limit - this.#others() - this.#surplus);
      this.#page = Math.max(choose(), 0);
      this.#show();
      if (this.#isWithin()) return;
      this.#surplus += this.#over();
    }
  }

  #isWithin() {
    const count = this.#endOf(this.#page) - this.#begins[this.#page];
    return this.#over() <= 0 || count < 2;
  }

  /** By how much the area, with what stands above and below it, is higher than the limit. */
  #over() {
    return this.#others() + this.#area.offsetHeight - this.#limit;
  }

  /** How high is what stands above and below. */
  #others() {
    return Math.ceil(document.body.getBoundingClientRect().height) - this.#within.offsetHeight;
  }

  #pageOf(place) {
    return this.#begins.findLastIndex((begin) => begin <= place);
  }

  #endOf(page) {
    return this.#begins[page + 1] ?? this.#units.length;
  }

  /** Reckon which parts stand on which page, from where they lie with all of them shown. */
  #divide(room) {
    this.#units = [];
    this.#begins = [0];
    this.#place(this.#area, [], { room, top: -Infinity, bottom: -Infinity });
  }

  /** Put the children of an element on the last page (`{room, top, bottom}`), or on new ones. */
  #place(parent, above, page) {
    const { divides, heads, whole } = this.#selectors;
    const children = [...parent.children];
    const all = [...above, ...children.filter((child) => child.matches(heads))];
    for (const child of children) {
      if (child.matches(heads) || child.offsetParent === null) continue;
      const count = this.#units.length;
      const box = child.getBoundingClientRect();
      const most = page.room - highOf(all, page.top);
      const isLarge = box.height > (child.matches(whole) ? page.room : page.room * SMALL);
      const fits = count > 0 && Math.max(page.bottom, box.bottom) - page.top <= most;
      if (!fits && isLarge && child.matches(divides)) this.#place(child, all, page);
      if (this.#units.length > count) continue;
      if (!fits) Object.assign(page, { top: box.top, bottom: box.bottom });
      if (!fits && count > 0) this.#begins.push(count);
      this.#units.push(child);
      page.bottom = Math.max(page.bottom, box.bottom);
    }
  }

  #show() {
    const [begin, end] = [this.#begins[this.#page], this.#endOf(this.#page)];
    const parents = new Map();
    this.#units.forEach((element, place) => {
      const isHere = place >= begin && place < end;
      element.toggleAttribute("data-elsewhere", !isHere);
      for (const parent of parentsOf(element, this.#area)) {
        parents.set(parent, isHere || parents.get(parent) === true);
      }
    });
    for (const [parent, isHere] of parents) parent.toggleAttribute("data-elsewhere", !isHere);
    fill(this.#at, `${this.#page + 1} / ${this.#begins.length}`);
    this.#back.setAttribute("aria-disabled", String(this.#page === 0));
    this.#on.setAttribute("aria-disabled", String(this.#page === this.#begins.length - 1));
  }

  #showAll() {
    for (const element of this.#area.querySelectorAll("[data-elsewhere]")) {
      element.removeAttribute("data-elsewhere");
    }
  }
}

function turn(sign, go) {
  return h("button", { type: "button", class: "turn", onclick: go }, h("span", { "aria-hidden": "true" }, sign));
}

function parentsOf(element, area) {
  const parents = [];
  for (let parent = element.parentElement; parent !== area; parent = parent.parentElement) parents.push(parent);
  return parents;
}

/** How high those of the heads are that lie above a place: a page that begins there repeats them. */
function highOf(heads, place) {
  const boxes = heads.map((head) => head.getBoundingClientRect());
  return boxes.filter((box) => box.top < place).reduce((sum, box) => sum + box.height, 0);
}
