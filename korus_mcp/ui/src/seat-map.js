/** The seat map page: from a get_seat_map result to a choice the assistant knows. */

import { Choosing } from "./seat-map/choosing.js";
import { ChoiceView } from "./seat-map/choice-view.js";
import { fill, h } from "./dom.js";
import { connect } from "./host.js";
import { Pager } from "./pager.js";
import { keepWithin, roomOf } from "./room.js";
import { MapView } from "./seat-map/map-view.js";
import { sheetOf } from "./seat-map/sheet.js";
import { clean, languageOf, translator } from "./texts.js";
import { TEXTS } from "./seat-map/words.js";
import { applyTheme, onPreference } from "./theme.js";
import { fits, isWithin, pricesOf, stepOf, stepsOf } from "./seat-map/wish.js";
import { swatch, ZoneList } from "./seat-map/zone-list.js";
import { Writer } from "./writing.js";

const MOST_SEATS = 50;
/** How wide the page is at most, and from where on list and map lie beside each other (seat-map.css). */
const WIDEST = 1080;
const BESIDE = 660;
/** With less height than this one part is shown at a time, however wide the page is. */
const LOW = 400;
/** How high a map is at least and at most, in pixels. */
const LOWEST_MAP = 120;
const HIGHEST_MAP = 560;
/** What is shown where there is no room for all, one at a time, and the words for it. */
const TABS = { map: "tab_map", zones: "tab_zones", filter: "tab_filter" };
const TABS_OF = [[".plan", "map"], [".side", "zones"], [".filters", "filter"]];
/** Parts of the side, for its pager. */
const PARTS = {
  divides: ".list, section, ul, fieldset, .outcome, .offers, .telling, .fine",
  heads: "h2, h3, legend, .back",
  whole: ".option",
};
/** Codes of a sheet's `notes` that are shown as sentences. */
const NOTES = ["no_focus", "unsure", "day_stock", "unknown_offers"];

const root = document.getElementById("page");
const notice = h("p", { class: "notice", hidden: true });
const content = h("div");
const speaker = h("p", { class: "hidden", role: "status" });
fill(root, notice, content, speaker);

let host = null;
let context = {};
let room = roomOf(context, WIDEST);
let input = {};
let last = null;
let page = null;
let isWaiting = true;
let announcing = 0;

/** One sheet on the screen. */
class Page {
  /** While the map is read anew. */
  isRefreshing = false;
  /** "en" or "fr", and what the answer is written in. */
  language;
  languageOfAnswer;

  #sheet;
  #writer;
  #words;
  #wish;
  #asked;
  #prices;
  #steps;
  #map = null;
  #list;
  #choosing;
  #choice;
  #side = h("div", { class: "side" });
  #body;
  #pager;
  #tab;
  #tabs = [];
  /** Notes, lines and the time of the prices: at their places, or behind the list where room is scarce. */
  #small = {};
  #places = { notes: h("div", { class: "notes-place" }), lines: h("div", { class: "lines-place" }), fine: h("div", { class: "fine soft" }) };
  #count = h("span", { class: "count" });
  #mostShown = h("span", { class: "most" });
  #mostInput = null;
  #legend = h("ul", { class: "legend" });
  #found = h("p", { class: "found soft", "aria-hidden": "true" });
  #refreshButton;
  #opener = null;

  constructor(sheet, wish, tab) {
    this.#sheet = sheet;
    this.#tab = tab;
    const language = languageFor(sheet);
    this.language = language;
    this.languageOfAnswer = sheet.language;
    this.#writer = new Writer(language, context.timeZone, { isBrief: true });
    this.#words = translator(language, TEXTS);
    this.#prices = pricesOf(sheet.zones);
    this.#steps = stepsOf(sheet.zones);
    this.#asked = {
      quantity: Math.min(sheet.quantity, MOST_SEATS),
      most: this.#limiting(sheet.maxPrice),
    };
    this.#wish = wish ? { ...wish, most: this.#limiting(wish.most) } : this.#asked;
    document.documentElement.lang = language;
    this.#build();
  }

  get wish() {
    return this.#wish;
  }

  get words() {
    return this.#words;
  }

  get chosen() {
    return this.#choosing.zone;
  }

  /** When its prices were read, in words. */
  get asOf() {
    const { asOf } = this.#sheet;
    return asOf === null ? "" : this.#words("as_of", { time: this.#writer.instant(asOf) });
  }

  /** What a renewed page takes over, beside the wish. */
  get kept() {
    return this.chosen && { ...this.#choosing.kept, zone: this.chosen, isFromMap: this.#opener === this.#map };
  }

  useHost(newHost) {
    this.#choosing.useHost(newHost);
    this.#refreshButton.hidden = !newHost?.mayOffer("serverTools") || !this.#sheet.baseId;
    this.#choice.show("told");
    this.arrange();
  }

  /** Which of its parts is shown where there is no room for all of them. */
  get tab() {
    return this.#tab;
  }

  /** Bring an element to where it can be seen. */
  reveal(element) {
    const [, tab] = TABS_OF.find(([part]) => element.closest(part)) ?? [];
    if (tab && !this.chosen) this.#turnTo(tab);
    this.#pager.reveal(element);
  }

  /** Choose again what another page `kept`; false where its zone is not on sale any more. */
  take(kept) {
    const zone = this.#again(kept.zone);
    if (!zone?.isOnSale) return false;
    this.#opener = kept.isFromMap ? this.#map : this.#list;
    this.#choosing.choose(zone, this.#wish, kept);
    return true;
  }

  /** The zone of this sheet that is a zone of another: names may be doubled, and numbers may move. */
  #again({ number, name, category }) {
    const named = this.#sheet.zones.filter((zone) => zone.name === name);
    return named.find((zone) => zone.number === number) ?? named.find((zone) => zone.category === category) ?? named[0];
  }

  /** Give way to another sheet: a choice of this one does not stand any more. */
  leave() {
    if (this.chosen) this.#choosing.clear();
    this.#choosing.useHost(null);
  }

  #build() {
    const options = {
      words: this.#words,
      choose: (zone) => this.#choose(zone),
      refuse: (zone) => announce(this.#describe(zone, this.#wish)),
      describe: (zone, wish) => this.#describe(zone, wish),
      facts: (zone) => this.#facts(zone),
      reveal: (element) => this.#pager.reveal(element),
      priceText: (zone) => this.#shortPrice(zone),
      tip: (zone, wish) => this.#tip(zone, wish),
    };
    if (this.#sheet.isDrawn) this.#map = new MapView(this.#sheet, this.#steps, options);
    this.#list = new ZoneList(this.#sheet, this.#steps, options);
    this.#choosing = new Choosing(this.#sheet, (part) => this.#changed(part));
    this.#choice = new ChoiceView(this.#choosing, this.#sheet, {
      writer: this.#writer,
      words: this.#words,
      close: () => this.#leaveChoice(),
      announce,
    });
    this.#refreshButton = h("button", { type: "button", class: "link", "data-place": "refresh", hidden: true, onclick: () => refresh(this.#sheet, this) }, this.#words("refresh"));
    this.#small = this.#smallPrint();
    this.#legend.setAttribute("aria-label", this.#words("legend"));
    this.#body = this.#planAndSide();
    this.#pager = new Pager(this.#side, { ...PARTS, within: this.#body, turned: announce });
    this.#pager.speak(this.#words);
    this.#fillSide();
    fill(content, this.#header(), this.#tabBar(), this.#filters(), this.#places.notes, this.#body, this.#footer());
    content.onkeydown = (event) => {
      if (event.key === "Escape" && this.chosen) this.#leaveChoice();
    };
    this.#show();
  }

  #header() {
    const { title, venue, date } = this.#sheet;
    const where = [venue && h("bdi", null, venue), this.#writer.atVenue(date)].filter(Boolean);
    return h(
      "header",
      null,
      h("h1", { dir: "auto" }, title || this.#words("title")),
      where.length > 0 && h("p", { class: "soft" }, where.flatMap((part, i) => (i ? [" · ", part] : [part]))),
    );
  }

  #filters() {
    const step = (by, label, sign) =>
      h("button", { type: "button", class: "step", "data-place": label, "aria-label": this.#words(label), onclick: () => this.#seats(by) }, sign);
    return h(
      "div",
      { class: "filters" },
      h(
        "div",
        { class: "filter", role: "group", "aria-label": this.#words("seats") },
        h("span", { class: "name", "aria-hidden": "true" }, this.#words("seats")),
        h("span", { class: "stepper" }, step(-1, "fewer", "−"), this.#count, step(1, "more", "+")),
      ),
      this.#prices.length > 1 && this.#mostFilter(),
      this.#found,
    );
  }

  /** The range stops at real prices; its end is any price. */
  #mostFilter() {
    const last = this.#prices.length - 1;
    this.#mostInput = h("input", {
      type: "range",
      "data-place": "most",
      min: 0,
      max: last,
      step: 1,
      "aria-label": this.#words("most"),
      oninput: () => this.#most(Number(this.#mostInput.value)),
    });
    const { most } = this.#wish;
    const within = this.#prices.filter((amount) => isWithin({ price: amount }, most));
    this.#mostInput.value = Math.max(within.length - 1, 0);
    return h(
      "div",
      { class: "filter wide" },
      h("span", { class: "name", "aria-hidden": "true" }, this.#words("most")),
      this.#mostInput,
      this.#mostShown,
    );
  }

  /** Which of the parts is shown where there is no room for all of them. */
  #tabBar() {
    const names = Object.keys(TABS).filter((name) => name !== "map" || this.#map);
    if (!names.includes(this.#tab)) this.#tab = names[0];
    this.#tabs = names.map((name) =>
      h("button", { type: "button", class: "tab", "data-place": `tab ${name}`, onclick: () => this.#turnTo(name) }, this.#words(TABS[name])),
    );
    return h("div", { class: "tabs", role: "group", "aria-label": this.#words("title") }, this.#tabs);
  }

  #turnTo(name) {
    this.#tab = name;
    this.arrange();
  }

  /** Lay the page out for the room there is: all of it, or parts of it by tabs and pages. */
  arrange() {
    const limit = room.height;
    const tab = this.chosen ? "zones" : this.#tab;
    const isLow = limit !== null && limit < LOW;
    content.classList.toggle("compact", isLow || (limit !== null && innerWidth < BESIDE));
    content.classList.toggle("low", isLow);
    content.classList.toggle("choosing", this.chosen !== null);
    content.dataset.tab = tab;
    for (const button of this.#tabs) {
      button.setAttribute("aria-pressed", String(button.dataset.place === `tab ${tab}`));
    }
    this.#spread(limit !== null);
    this.#fitMap(limit);
    this.#pager.fit(limit);
  }

  /** Small print stands where it belongs, or behind the list where room is scarce. */
  #spread(isScarce) {
    const { notes, lines, asOf } = this.#small;
    const { fine, ...usual } = this.#places;
    fill(fine, isScarce && [notes, lines, asOf]);
    fill(usual.notes, !isScarce && notes);
    fill(usual.lines, !isScarce && [lines, asOf]);
  }

  /** The map is as high as what stands around it leaves room for. */
  #fitMap(limit) {
    const drawing = this.#map?.element.querySelector("svg");
    if (!drawing) return;
    const set = (pixels) => content.style.setProperty("--map-height", `${pixels}px`);
    set(limit === null ? HIGHEST_MAP : LOWEST_MAP);
    const plan = drawing.closest(".plan");
    if (limit === null || plan.offsetParent === null) return;
    const others = document.body.getBoundingClientRect().height - this.#body.offsetHeight;
    const around = plan.offsetHeight - drawing.getBoundingClientRect().height;
    set(Math.max(LOWEST_MAP, Math.floor(limit - others - around) - 1));
  }

  #fillSide() {
    fill(this.#side, this.chosen ? this.#choice.element : [this.#list.element, this.#places.fine]);
  }

  #planAndSide() {
    return h(
      "div",
      { class: this.#map ? "body" : "body undrawn" },
      this.#map && h("div", { class: "plan" }, this.#map.element, this.#legend, this.#schematic()),
      this.#side,
    );
  }

  /** What the map shows now, and nothing else. */
  #showLegend() {
    const entry = (classes, text) => h("li", null, h("span", { class: `swatch ${classes}` }), text);
    const { zones } = this.#sheet;
    const fitting = zones.filter((zone) => fits(zone, this.#wish));
    fill(
      this.#legend,
      this.#steps
        .filter((step) => fitting.some((zone) => stepOf(zone, this.#steps) === step))
        .map((step) => entry(`shade-${step.shade}`, this.#range(step))),
      zones.some((z) => z.isOnSale && !fitting.includes(z)) && entry("unfit", this.#words("not_fitting")),
      zones.some((z) => z.isSoldOut) && entry("sold-out", this.#words("sold_out")),
      zones.some((z) => z.isAbove) && entry("off-sale", this.#words("above")),
      zones.some((z) => z.isUnknown) && entry("off-sale", this.#words("not_known")),
      zones.some((z) => !z.isSoldOut && !z.isOnSale && !z.isAbove && !z.isUnknown) && entry("off-sale", this.#words("not_on_sale")),
      ...this.#yours().map((text) => entry("yours", text)),
    );
  }

  /** The seats of the person who looks, those of one row together: where they are, or that they are not here. */
  #yours() {
    const told = new Map();
    for (const { zone, row, seat, isFound } of this.#sheet.yours) {
      const place = [zone, row && this.#words("part_row", { row })].filter(Boolean).join(", ");
      const key = `${isFound} ${place}`;
      const group = told.get(key) ?? { place, isFound, seats: [] };
      told.set(key, group);
      if (seat) group.seats.push(seat);
    }
    return [...told.values()].map(({ place, isFound, seats }) =>
      this.#words(isFound ? "yours" : "yours_lost", { places: [place, seats.join(", ")].filter(Boolean).join(", ") }),
    );
  }

  #schematic() {
    const { isSchematic, zones } = this.#sheet;
    const isPartly = zones.some((zone) => zone.isSchematic);
    if (!isSchematic && !isPartly) return null;
    return h("p", { class: "note" }, this.#words(isSchematic ? "schematic" : "partly_schematic"));
  }

  #smallPrint() {
    const { untied, hidden, priceType, stocks, levels, strays } = this.#sheet;
    const notes = NOTES.filter((code) => this.#sheet.notes.includes(code));
    const lines = [
      priceType && this.#words("price_type", { name: priceType }),
      ...stocks.map((stock) => this.#words("stock", stock)),
      levels.length > 0 && this.#words("levels", { names: levels.map(({ name }) => name).join(", ") }),
      strays > 0 && this.#words("strays", { count: strays }),
      this.#words("allocated"),
      untied > 0 && this.#words("untied", { count: untied }),
      hidden > 0 && this.#words("hidden", { count: hidden }),
    ].filter(Boolean);
    const { asOf } = this;
    return {
      notes: notes.length > 0 && h("p", { class: "note notes" }, notes.map((code) => this.#words(`note_${code}`)).join(" ")),
      lines: h("p", null, lines.join(" ")),
      asOf: asOf && h("p", { class: "as-of" }, asOf),
    };
  }

  #footer() {
    return h("footer", { class: "soft" }, this.#places.lines, this.#refreshButton, this.#pager.element);
  }

  #seats(by) {
    const quantity = Math.min(Math.max(this.#wish.quantity + by, 1), MOST_SEATS);
    this.#rewish({ ...this.#wish, quantity });
  }

  #most(place) {
    const isLast = place >= this.#prices.length - 1;
    this.#rewish({ ...this.#wish, most: isLast ? null : this.#prices[place] });
  }

  #rewish(wish) {
    this.#wish = wish;
    this.#show();
    this.#choosing.rewish(wish);
    announce(`${this.#words("seats")}: ${wish.quantity}, ${this.#limit()}. ${this.#foundText()}`);
  }

  #foundText() {
    const count = this.#sheet.zones.filter((zone) => fits(zone, this.#wish)).length;
    return count ? this.#words("fitting", { count }) : this.#words("none_fits");
  }

  #show() {
    const { quantity, most } = this.#wish;
    const limit = this.#limit();
    this.#count.textContent = String(quantity);
    this.#mostShown.textContent = limit;
    this.#mostInput?.setAttribute("aria-valuetext", limit);
    const isAsked = quantity === this.#asked.quantity && most === this.#asked.most;
    this.#list.show(this.#wish, isAsked);
    this.#map?.show(this.#wish, this.chosen);
    this.#showLegend();
    this.#found.textContent = this.#foundText();
    this.#pager.restart();
    this.arrange();
  }

  #limit() {
    const { most } = this.#wish;
    if (most === null) return this.#words("any_price");
    return this.#words("up_to", { price: this.#price(most) });
  }

  #choose(zone) {
    this.#opener = this.#side.contains(document.activeElement) ? this.#list : this.#map;
    if (host) warn("");
    this.#choosing.choose(zone, this.#wish);
    this.#choice.focus();
  }

  #leaveChoice() {
    const zone = this.chosen;
    this.#choosing.clear();
    if (this.#opener === this.#map && this.#map?.focus(zone)) return;
    this.#list.focus(zone);
  }

  #changed(part) {
    if (part === "zone") {
      this.#fillSide();
      this.#map?.show(this.#wish, this.chosen);
      this.#pager.restart();
    }
    this.#choice.show(part);
    this.arrange();
  }

  /** A zone in words: name, category, price, what is left, and whether it fits. */
  #describe(zone, wish) {
    const { name, category, price: amount, left } = this.#facts(zone);
    const fit = zone.isOnSale && !fits(zone, wish) ? this.#words("not_fitting") : "";
    return [name, category, amount, left, fit].filter(Boolean).join(", ");
  }

  #facts(zone) {
    return {
      name: zone.name || this.#words("unnamed"),
      category: zone.category === zone.name ? "" : zone.category,
      price: zone.isOnSale ? this.#zonePrice(zone) : "",
      left: this.#left(zone),
    };
  }

  #tip(zone, wish) {
    const { name, category, price: amount, left } = this.#facts(zone);
    const again = zone === this.chosen && zone.numbers.length > 0 ? this.#words("enlarge") : "";
    const more = [category, left, zone.isOnSale && !fits(zone, wish) ? this.#words("not_fitting") : "", again];
    return [
      h("strong", { dir: "auto" }, name),
      amount ? h("span", { class: "price" }, amount) : "",
      h("span", { class: "soft" }, more.filter(Boolean).join(" · ")),
    ];
  }

  #left(zone) {
    if (zone.isSoldOut) return this.#words("sold_out");
    if (zone.isUnknown) return this.#words("not_known");
    if (!zone.isOnSale) return this.#words(zone.isAbove ? "above" : "not_on_sale");
    if (zone.isShared) return this.#sharedLeft(zone);
    return zone.left === undefined ? "" : this.#words("left", { count: zone.left });
  }

  /** What zones share is told once, beneath; here only what this one has room for. */
  #sharedLeft({ left, places }) {
    const isFew = places !== undefined && left === places;
    return isFew ? this.#words("few_of_shared", { count: places }) : this.#words("shared");
  }

  #zonePrice(zone) {
    if (zone.from === null) return "";
    return hasRange(zone) ? this.#words("from", { price: this.#price(zone.from) }) : this.#price(zone.from);
  }

  #shortPrice(zone) {
    if (!zone.isOnSale || zone.from === null) return "";
    return `${this.#price(zone.from)}${hasRange(zone) ? "+" : ""}`;
  }

  /** What zones of a step cost; "from", where one of them has dearer tickets, too. */
  #range(step) {
    const { low, high } = step;
    const range = { low: this.#price(low), high: this.#price(high) };
    const text = low === high ? range.low : this.#words("price_range", range);
    const hasDearer = this.#sheet.zones.some((zone) => hasRange(zone) && stepOf(zone, this.#steps) === step);
    return hasDearer ? this.#words("from", { price: text }) : text;
  }

  #price(amount) {
    return this.#writer.price(amount, this.#sheet.currency);
  }

  /** The limit, or null where it cuts off nothing. */
  #limiting(limit) {
    const cuts = this.#prices.some((amount) => !isWithin({ price: amount }, limit));
    return cuts ? limit : null;
  }
}

function hasRange({ from, to }) {
  return to !== null && to !== from;
}

/** Say a text, also when it is the one said before: screen readers speak what changes. */
function announce(text) {
  if (!text) return;
  speaker.textContent = "";
  cancelAnimationFrame(announcing);
  announcing = requestAnimationFrame(() => (speaker.textContent = text));
}

function wordsNow() {
  return page?.words ?? translator(languageFor({}), TEXTS);
}

/** The reader's language as the host tells it, else that of the call, of the answer, of the browser. */
function languageFor({ language }) {
  return languageOf(context.locale, input.language, language, navigator.language);
}

function warn(text) {
  if (notice.textContent === text) return;
  notice.textContent = text;
  notice.hidden = !text;
  page?.arrange();
}

/** Put a result on the screen; a wish of the person outlives it. */
function showResult(result, wish = null, tab = "map") {
  const sheet = sheetOf(result, input);
  const words = wordsNow();
  last = result;
  page?.leave();
  isWaiting = false;
  page = sheet && !result.isError ? new Page(sheet, wish, tab) : null;
  if (page) page.useHost(host);
  else showNothing(result, words);
}

function showNothing(result, words) {
  const told = clean(result?.structuredContent?.error?.message ?? words("nothing"), 400);
  fill(content, h("p", { class: "notice bad", dir: "auto" }, told));
  announce(told);
}

function showCancelled() {
  if (!isWaiting) return;
  isWaiting = false;
  fill(content, h("p", { class: "notice" }, wordsNow()("cancelled")));
}

function showWaiting() {
  const words = wordsNow();
  // The first format of a language takes longer to make than the map: now, while there is nothing to show.
  setTimeout(() => new Writer(languageFor({}), context.timeZone, { isBrief: true }).money("1.00 EUR"));
  document.documentElement.lang = languageFor({});
  fill(content, h("div", { class: "waiting" }, h("div", { class: "blank", "aria-hidden": "true" }), h("p", { class: "soft" }, words("waiting"))));
}

/** Read the map anew for the same day; the wish, the choice and the place of the keyboard stay. */
async function refresh(sheet, shown) {
  if (shown.isRefreshing) return;
  shown.isRefreshing = true;
  const args = argumentsOf(sheet, shown.wish);
  announce(shown.words("refreshing"));
  const result = await host.callTool("get_seat_map", args).catch(() => null);
  shown.isRefreshing = false;
  if (page !== shown) return;
  const renewed = result && !result.isError ? sheetOf(result, args) : null;
  if (!renewed || (isPlan(sheet) && !isPlan(renewed))) {
    warn(shown.words("failed"));
    return announce(shown.words("failed"));
  }
  warn("");
  input = { ...input, ...args };
  tellRenewed(renew(result, shown));
}

/** Whether it tells where the zones are, or as much of it as the issuer knows. */
function isPlan({ isDrawn, isTiled }) {
  return isDrawn && !isTiled;
}

/** What the map was asked with, for so many seats as are wished now. */
function argumentsOf({ baseId, sessionId, date, language, maxPrice, asked, prefer }, { quantity }) {
  const day = sessionId ? { session_id: sessionId } : { date };
  const args = { product_base_id: baseId, quantity, ...day, max_price: maxPrice && Number(maxPrice), ...asked, prefer, language };
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value));
}

function renew(result, { kept, wish, tab }) {
  const focused = content.contains(document.activeElement) ? document.activeElement.dataset.place : null;
  showResult(result, wish, tab);
  const isGone = kept && !page.take(kept);
  if (isGone) warn(page.words("gone"));
  if (focused) focusOn(focused);
  return isGone;
}

/** Say that the map was read anew, and what came of the choice. */
function tellRenewed(isGone) {
  announce([isGone && page.words("gone"), page.asOf || page.words("refreshed")].filter(Boolean).join(" "));
}

/** Where the keyboard was before the page was built again, else at the button that did it. */
function focusOn(place) {
  const places = [...content.querySelectorAll("[data-place]")];
  const target = places.find((e) => e.dataset.place === place) ?? places.find((e) => e.dataset.place === "refresh");
  page.reveal(target);
  target.focus();
}

function greet(connected) {
  host = connected;
  warn("");
  page?.useHost(host);
}

/** The host takes the page away: nothing is asked any more. */
function leave() {
  page?.useHost(null);
  host?.close();
  host = null;
}

/** What the host says of itself: its look, how much room it gives, the reader's language. */
function takeContext(changed) {
  context = changed;
  room = roomOf(changed, WIDEST);
  keepWithin(room);
  applyTheme(changed);
  if (isWaiting) showWaiting();
  if (!page) return;
  if (page.language === languageFor({ language: page.languageOfAnswer })) page.arrange();
  else renew(last, page);
}

let width = window.innerWidth;
window.addEventListener("resize", () => {
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  page?.arrange();
});
onPreference(() => applyTheme(context));
takeContext(context);
connect({
  name: "korus-seat-map",
  version: "1.0.0",
  onInput: (args) => (input = args),
  onResult: (result) => showResult(result),
  onCancelled: showCancelled,
  onContext: takeContext,
  preferredWidth: () => room.width,
  onTeardown: leave,
  onLate: greet,
}).then(greet, (error) => {
  warn(wordsNow()(error.kind === "silent" ? "silent" : "refused"));
  if (isWaiting) fill(content);
});
