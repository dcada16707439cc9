/** The panel of a choice: its offers, what the issuer says of them, and the way to the assistant. */

import { fill, h } from "../dom.js";
import { priceOfChoice, priceOfOffer, quoted } from "./choosing.js";
import { atMost, hasRoom, holds, times } from "./wish.js";

/** How long the arrow keys have to rest on an offer before the issuer is asked, in milliseconds. */
const PATIENCE = 400;

/** The panel over a Choosing. `close()` is called when the person goes back to all zones. */
export class ChoiceView {
  #choosing;
  #sheet;
  #writer;
  #words;
  #announce;
  #isRoving = false;
  #isRetried = false;
  #title = h("h2", { tabindex: "-1", id: "chosen", dir: "auto", "data-place": "choice" });
  #facts = h("p", { class: "soft" });
  #offers = h("div", { class: "offers" });
  #outcome = h("div", { class: "outcome" });
  #telling = h("div", { class: "telling" });

  constructor(choosing, sheet, { writer, words, close, announce }) {
    this.#choosing = choosing;
    this.#sheet = sheet;
    this.#writer = writer;
    this.#words = words;
    this.#announce = announce;
    this.element = h(
      "section",
      { class: "choice", "aria-labelledby": "chosen" },
      h("button", { type: "button", class: "back", "data-place": "back", onclick: () => close() }, h("span", { "aria-hidden": "true" }, "‹ "), words("back")),
      this.#title,
      this.#facts,
      this.#offers,
      this.#outcome,
      this.#telling,
    );
  }

  /** Show what changed: "zone", "check", "told" or "sent". */
  show(part) {
    const { zone } = this.#choosing;
    if (!zone) return;
    if (part === "zone") this.#showZone(zone);
    if (part === "check") this.#showCheck();
    this.#showTelling();
  }

  /** Bring the reader here. */
  focus() {
    this.#title.focus();
  }

  #showZone(zone) {
    this.#title.textContent = zone.name || this.#words("unnamed");
    this.#facts.textContent = zone.category;
    this.#facts.hidden = !zone.category;
    const isChoice = zone.offers.length > 1;
    const only = this.#choosing.offer?.product;
    fill(
      this.#offers,
      isChoice ? this.#radios(zone) : only && h("bdi", null, only),
      zone.isCut && h("p", { class: "note" }, this.#words("more_tickets")),
    );
    this.#offers.hidden = !this.#offers.hasChildNodes();
  }

  #radios(zone) {
    const names = ticketNames(zone);
    const rove = (isRoving) => () => (this.#isRoving = isRoving);
    return h(
      "fieldset",
      { onkeyup: rove(false), onpointerdown: rove(false) },
      h("legend", null, this.#words("ticket")),
      zone.offers.map((offer) => this.#offer(offer, names.get(offer))),
    );
  }

  /** An arrow key only passes over an offer; a click, the space bar and Enter take it at once. */
  #offer(offer, name) {
    const pick = () => this.#choosing.pickOffer(offer, this.#isRoving ? PATIENCE : 0);
    const onkeydown = ({ key }) => {
      this.#isRoving = key.startsWith("Arrow");
      if (key === "Enter" || key === " ") pick();
    };
    const radio = { name: "offer", "data-place": `offer ${offer.id}`, disabled: offer.left === 0, onclick: pick, onchange: pick, onkeydown };
    return this.#radio(radio, offer === this.#choosing.offer, [
      h("bdi", { class: "name" }, name),
      h("span", { class: "price" }, this.#price(offer)),
      h("span", { class: "left" }, this.#left(offer)),
    ]);
  }

  #radio(properties, checked, facts) {
    const input = h("input", { type: "radio", ...properties });
    input.checked = checked;
    return h("label", { class: "option" }, input, facts);
  }

  #showCheck() {
    const { check } = this.#choosing;
    const shown = {
      unasked: () => this.#unasked(),
      asking: () => [h("p", { class: "asking" }, h("span", { class: "spinner", "aria-hidden": "true" }), this.#words("checking"))],
      failed: () => this.#failed(check),
      done: () => this.#found(check),
    }[check.state]();
    fill(this.#outcome, shown);
    this.element.setAttribute("aria-busy", String(check.state === "asking"));
    this.#returnToRetry(check.state);
    this.#announce([...this.#outcome.querySelectorAll("[data-say]")].map((e) => e.textContent).join(". "));
  }

  #unasked() {
    const { offer, zone, cannotAsk } = this.#choosing;
    const isPriced = offer && priceOfOffer(offer, this.#sheet);
    const note = offer ? (isPriced ? "unchecked" : "unchecked_unpriced") : "ask_assistant";
    return [
      offer ? this.#money() : this.#from(zone),
      h("p", { class: "soft", "data-say": "" }, this.#words(cannotAsk ? "cannot_ask" : note)),
    ];
  }

  /** The price of a zone of which no offer is at hand. */
  #from({ from, to }) {
    if (from === null) return null;
    const lowest = this.#writer.price(from, this.#sheet.currency);
    const text = to === null || to === from ? lowest : this.#words("from", { price: lowest });
    return h("p", { class: "money", "data-say": "" }, h("strong", null, text), h("span", { class: "soft" }, ` ${this.#words("each")}`));
  }

  #failed(check) {
    const isFinal = check.kind === "unsupported";
    const known = { silent: "silent_now", unsupported: "cannot_ask" }[check.kind] ?? "failed";
    return [
      this.#money(),
      h("p", { class: "notice bad", "data-say": "", dir: "auto" }, check.words || this.#words(known)),
      !isFinal && h("button", { type: "button", class: "button", "data-place": "retry", onclick: () => this.#retry() }, this.#words("retry")),
    ];
  }

  /** The button goes while the issuer is asked; who pressed it waits at the title. */
  #retry() {
    this.#isRetried = true;
    this.focus();
    this.#choosing.retry();
  }

  #returnToRetry(state) {
    if (state === "asking") return;
    const isWaiting = this.#isRetried && document.activeElement === this.#title;
    if (isWaiting) this.#outcome.querySelector("[data-place=retry]")?.focus();
    this.#isRetried = false;
  }

  #found(check) {
    if (check.isBookable === undefined) return [h("p", { class: "notice", "data-say": "" }, check.words)];
    if (!check.isBookable) return this.#refused(check);
    return [
      this.#money(),
      this.#moved(check),
      this.#tooSmall(),
      h("p", { class: "good", "data-say": "" }, [this.#words("available"), this.#left(check)].filter(Boolean).join(" · ")),
      this.#sessions(check),
    ];
  }

  #refused(check) {
    const { quantity } = this.#choosing;
    const isFew = check.left > 0 && !hasRoom(check, quantity);
    const why = isFew ? this.#words("few_left", { quantity }) : "";
    return [
      h("p", { class: "notice bad", "data-say": "" }, [`${this.#words("not_available")}.`, why, this.#left(check)].filter(Boolean).join(" ")),
      !why && check.reason && h("p", { class: "soft", dir: "auto" }, check.reason),
      check.instead.length > 0 && h("h3", null, this.#words("instead")),
      check.instead.length > 0 && h("ul", { class: "instead" }, check.instead.map((o) => this.#instead(o))),
    ];
  }

  #instead({ product, when, price: amount }) {
    const facts = [this.#writer.atVenue(when), this.#writer.money(amount)].filter(Boolean);
    return h("li", null, h("bdi", null, product), h("span", { class: "soft" }, facts.join(" · ")));
  }

  #sessions(check) {
    if (!check.sessions.length) return null;
    return h(
      "fieldset",
      { class: "sessions" },
      h("legend", null, this.#words("session")),
      check.sessions.map((session) =>
        this.#radio(
          { name: "session", "data-place": `session ${session.id}`, disabled: !session.isEnough, onchange: () => this.#choosing.pickSession(session) },
          session === this.#choosing.session,
          [
            h("bdi", { class: "name" }, [this.#writer.atVenue(session.startsAt) || session.id, session.ticket].filter(Boolean).join(", ")),
            h("span", { class: "price" }),
            h("span", { class: "left" }, this.#left(session)),
          ],
        ),
      ),
      check.hasMore && h("p", { class: "soft" }, this.#words("more_sessions")),
    );
  }

  #showTelling() {
    const { check, told, message, canSay } = this.#choosing;
    if (check.state === "asking") return void fill(this.#telling);
    const note = { sent: "sent", failed: "not_sent" }[message] ?? (told ? "told" : null);
    fill(
      this.#telling,
      canSay && message !== "sent" &&
        h("button", { type: "button", class: "button main", "data-place": "tell", "aria-disabled": message === "sending" ? "true" : null, onclick: () => this.#say() }, this.#words(message === "sending" ? "telling" : "tell")),
      note && h("p", { class: "note" }, this.#words(note)),
      told === false && message !== "sent" && h("p", { class: "note" }, this.#words("not_told")),
      told === false && message !== "sent" && h("p", { class: "sentence", dir: "auto" }, this.#sentence()),
    );
    if (message === "sent" || message === "failed") this.#announce(this.#words(note));
  }

  #say() {
    if (this.#choosing.message === "sending") return;
    this.#choosing.say(this.#sentence());
    this.focus();
  }

  /** The choice as the person would say it, with the ids the assistant needs. */
  #sentence() {
    const { zone, offer, session, quantity, isPicked } = this.#choosing;
    const zoneName = quoted(zone.name || this.#words("unnamed"));
    const count = quantity;
    const plain = this.#words("sentence_zone", { zone: zoneName, count });
    if (!offer) return plain;
    const isOpen = zone.isCut && !isPicked;
    const sentence = isOpen
      ? this.#words("sentence_cut", { sentence: plain, offer: offer.id })
      : this.#words("sentence", { zone: zoneName, count, offer: offer.id });
    return session ? this.#words("sentence_session", { sentence, session: session.id }) : sentence;
  }

  #money() {
    const found = priceOfChoice(this.#choosing, this.#sheet);
    if (!found) return null;
    const { amount, currency } = found;
    const { quantity } = this.#choosing;
    const one = this.#writer.price(amount, currency);
    const total = this.#writer.price(times(amount, quantity), currency);
    return h(
      "p",
      { class: "money", "data-say": "" },
      h("strong", null, one),
      h("span", { class: "soft" }, ` ${this.#words("each")}`),
      quantity > 1 && h("span", { class: "total" }, this.#words("total", { quantity, price: one, total })),
    );
  }

  #price(offer) {
    const { amount, currency } = priceOfOffer(offer, this.#sheet) ?? {};
    return this.#writer.price(amount, currency);
  }

  #moved({ price: now, currency }) {
    const { offer } = this.#choosing;
    const isKnown = now !== null && offer.price !== null && currency === this.#sheet.currency;
    if (!isKnown || Number(now) === Number(offer.price)) return null;
    return h("p", { class: "soft", "data-say": "" }, this.#words("moved", { price: this.#price(offer) }));
  }

  #left({ left }) {
    const { zone } = this.#choosing;
    const count = atMost(zone, left);
    if (count === undefined) return "";
    if (count === 0) return this.#words("sold_out");
    return this.#words(zone.isShared ? "left_shared" : "left", { count });
  }

  /** The issuer answers for an offer, which other, larger zones may sell, too. */
  #tooSmall() {
    const { zone, quantity } = this.#choosing;
    return !holds(zone, quantity) && h("p", { class: "notice", "data-say": "" }, this.#words("few_places", { count: zone.places }));
  }
}

/** The offers' products without the zone and category that stand above them, where that suffices. */
function ticketNames({ name, category, offers }) {
  const short = offers.map(({ product }) =>
    [name, category].filter(Boolean).reduce((text, part) => text.replace(part, " "), product)
      .replace(/^[\s,;:–—-]+|[\s,;:–—-]+$/g, "")
      .replace(/\s+/g, " "),
  );
  const areTold = short.every(Boolean) && new Set(short).size === offers.length;
  return new Map(offers.map((offer, i) => [offer, areTold ? short[i] : offer.product || offer.id]));
}
