/** The seat map page: from a get_seat_map result to a choice the assistant knows. */

import { Choosing } from "./seat-map/choosing.js";
import { ChoiceView } from "./seat-map/choice-view.js";
import { fill, h } from "./dom.js";
import { connect } from "./host.js";
import { MapView } from "./seat-map/map-view.js";
import { sheetOf } from "./seat-map/sheet.js";
import { clean, languageOf, translator } from "./texts.js";
import { TEXTS } from "./seat-map/words.js";
import { applyTheme } from "./theme.js";
import { fits, isWithin, pricesOf, stepOf, stepsOf } from "./seat-map/wish.js";
import { swatch, ZoneList } from "./seat-map/zone-list.js";
import { Writer } from "./writing.js";

const MOST_SEATS = 50;
/** Codes of a sheet's `notes` that are shown as sentences. */
const NOTES = ["no_focus", "day_stock", "unknown_offers"];

const root = document.getElementById("page");
const notice = h("p", { class: "notice", hidden: true });
const content = h("div");
const speaker = h("p", { class: "hidden", role: "status" });
fill(root, notice, content, speaker);

let host = null;
let context = {};
let input = {};
let page = null;
let isWaiting = true;
let announcing = 0;

/** One sheet on the screen. */
class Page {
  /** While the map is read anew. */
  isRefreshing = false;

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
  #count = h("span", { class: "count" });
  #mostShown = h("span", { class: "most" });
  #mostInput = null;
  #refreshButton;
  #opener = null;

  constructor(sheet, wish) {
    this.#sheet = sheet;
    const language = languageOf(sheet.language, context.locale, navigator.language);
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
    fill(this.#side, this.#list.element);
    fill(content, this.#header(), this.#filters(), this.#notes(), this.#body(), this.#footer());
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

  #notes() {
    const notes = NOTES.filter((code) => this.#sheet.notes.includes(code));
    return notes.length > 0 && h("p", { class: "note notes" }, notes.map((code) => this.#words(`note_${code}`)).join(" "));
  }

  #body() {
    return h(
      "div",
      { class: this.#map ? "body" : "body undrawn" },
      this.#map && h("div", { class: "plan" }, this.#map.element, this.#legend(), this.#schematic()),
      this.#side,
    );
  }

  #legend() {
    const entry = (classes, text) => h("li", null, h("span", { class: `swatch ${classes}` }), text);
    const { zones } = this.#sheet;
    return h(
      "ul",
      { class: "legend", "aria-label": this.#words("legend") },
      this.#steps.map((step) => entry(`shade-${step.shade}`, this.#range(step))),
      zones.some((z) => z.isSoldOut) && entry("sold-out", this.#words("sold_out")),
      zones.some((z) => z.isAbove) && entry("off-sale", this.#words("above")),
      zones.some((z) => z.isUnknown) && entry("off-sale", this.#words("not_known")),
      zones.some((z) => !z.isSoldOut && !z.isOnSale && !z.isAbove && !z.isUnknown) && entry("off-sale", this.#words("not_on_sale")),
    );
  }

  #schematic() {
    const { isSchematic, zones } = this.#sheet;
    const isPartly = zones.some((zone) => zone.isSchematic);
    if (!isSchematic && !isPartly) return null;
    return h("p", { class: "note" }, this.#words(isSchematic ? "schematic" : "partly_schematic"));
  }

  #footer() {
    const { untied, hidden } = this.#sheet;
    const lines = [
      !this.#map && this.#words("undrawn"),
      this.#words("allocated"),
      untied > 0 && this.#words("untied", { count: untied }),
      hidden > 0 && this.#words("hidden", { count: hidden }),
    ].filter(Boolean);
    const { asOf } = this;
    return h(
      "footer",
      { class: "soft" },
      h("p", null, lines.join(" ")),
      h("div", { class: "fresh" }, asOf && h("span", { class: "as-of" }, asOf), this.#refreshButton),
    );
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
    const count = this.#sheet.zones.filter((zone) => fits(zone, wish)).length;
    const found = count ? this.#words("fitting", { count }) : this.#words("none_fits");
    announce(`${this.#words("seats")}: ${wish.quantity}, ${this.#limit()}. ${found}`);
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
      fill(this.#side, this.chosen ? this.#choice.element : this.#list.element);
      this.#map?.show(this.#wish, this.chosen);
    }
    this.#choice.show(part);
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
    const more = [category, left, zone.isOnSale && !fits(zone, wish) ? this.#words("not_fitting") : ""];
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
    return zone.left === undefined ? "" : this.#words(zone.isShared ? "left_shared" : "left", { count: zone.left });
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
  return page?.words ?? translator(languageOf(context.locale, navigator.language), TEXTS);
}

function warn(text) {
  notice.textContent = text;
  notice.hidden = !text;
}

/** Put a result on the screen; a wish of the person outlives it. */
function showResult(result, wish = null) {
  const sheet = sheetOf(result, input);
  const words = wordsNow();
  page?.leave();
  isWaiting = false;
  page = sheet && !result.isError ? new Page(sheet, wish) : null;
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
  document.documentElement.lang = languageOf(context.locale, navigator.language);
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
  if (!renewed || (sheet.isDrawn && !renewed.isDrawn)) {
    warn(shown.words("failed"));
    return announce(shown.words("failed"));
  }
  warn("");
  input = { ...input, ...args };
  renew(result, shown);
}

/** What the map was asked with, for so many seats as are wished now. */
function argumentsOf({ baseId, sessionId, date, language, maxPrice, prefer }, { quantity }) {
  const day = sessionId ? { session_id: sessionId } : { date };
  const args = { product_base_id: baseId, quantity, ...day, max_price: maxPrice && Number(maxPrice), prefer, language };
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value));
}

function renew(result, { kept, wish }) {
  const focused = content.contains(document.activeElement) ? document.activeElement.dataset.place : null;
  showResult(result, wish);
  const isGone = kept && !page.take(kept);
  if (isGone) warn(page.words("gone"));
  if (focused) focusOn(focused);
  announce([isGone && page.words("gone"), page.asOf || page.words("refreshed")].filter(Boolean).join(" "));
}

/** Where the keyboard was before the page was built again, else at the button that did it. */
function focusOn(place) {
  const places = [...content.querySelectorAll("[data-place]")];
  const target = places.find((e) => e.dataset.place === place) ?? places.find((e) => e.dataset.place === "refresh");
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

showWaiting();
connect({
  name: "korus-seat-map",
  version: "1.0.0",
  onInput: (args) => (input = args),
  onResult: (result) => showResult(result),
  onCancelled: showCancelled,
  onContext: (changed) => {
    context = changed;
    applyTheme(changed);
    if (isWaiting) showWaiting();
  },
  onTeardown: leave,
  onLate: greet,
}).then(greet, (error) => {
  warn(wordsNow()(error.kind === "silent" ? "silent" : "refused"));
  if (isWaiting) fill(content);
});
