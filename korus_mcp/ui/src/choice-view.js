/** The panel of a choice: its offers, what the issuer says of them, and the way to the assistant. */

import { fill, h } from "./dom.js";
import { quoted } from "./choosing.js";
import { moment, price, priceOf } from "./texts.js";
import { hasRoom, times } from "./wish.js";

/** The panel over a Choosing. `close()` is called when the person goes back to all zones. */
export class ChoiceView {
  #choosing;
  #sheet;
  #language;
  #words;
  #close;
  #announce;
  #title = h("h2", { tabindex: "-1", id: "chosen", dir: "auto" });
  #facts = h("p", { class: "soft" });
  #offers = h("div", { class: "offers" });
  #outcome = h("div", { class: "outcome" });
  #telling = h("div", { class: "telling" });

  constructor(choosing, sheet, { language, words, close, announce }) {
    this.#choosing = choosing;
    this.#sheet = sheet;
    this.#language = language;
    this.#words = words;
    this.#close = close;
    this.#announce = announce;
    this.element = h(
      "section",
      { class: "choice", "aria-labelledby": "chosen" },
      h("button", { type: "button", class: "back", onclick: () => close() }, h("span", { "aria-hidden": "true" }, "‹ "), words("back")),
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
    fill(this.#offers, isChoice ? this.#radios(zone) : h("bdi", null, zone.offers[0]?.product));
    this.#offers.hidden = !zone.offers[0]?.product;
  }

  #radios(zone) {
    const names = ticketNames(zone);
    return h(
      "fieldset",
      null,
      h("legend", null, this.#words("ticket")),
      zone.offers.map((offer) =>
        this.#radio("offer", offer === this.#choosing.offer, offer.left === 0, () => this.#choosing.pickOffer(offer), [
          h("bdi", { class: "name" }, names.get(offer)),
          h("span", { class: "price" }, this.#price(offer)),
          h("span", { class: "left" }, this.#left(offer)),
        ]),
      ),
    );
  }

  #radio(name, checked, disabled, pick, facts) {
    const input = h("input", { type: "radio", name, disabled, onchange: pick });
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
    this.element.toggleAttribute("aria-busy", check.state === "asking");
    this.#announce([...this.#outcome.querySelectorAll("[data-say]")].map((e) => e.textContent).join(". "));
  }

  #unasked() {
    const { offer, zone } = this.#choosing;
    const note = offer ? "unchecked" : "ask_assistant";
    return [this.#money(offer?.price ?? zone.from, this.#sheet.currency), h("p", { class: "soft", "data-say": "" }, this.#words(note))];
  }

  #failed(check) {
    const said = check.words || this.#words(check.kind === "silent" ? "silent_now" : "failed");
    const isFinal = check.kind === "unsupported";
    return [
      this.#money(this.#choosing.offer.price, this.#sheet.currency),
      h("p", { class: "notice bad", "data-say": "", dir: "auto" }, said),
      !isFinal && h("button", { type: "button", class: "button", onclick: () => this.#choosing.retry() }, this.#words("retry")),
    ];
  }

  #found(check) {
    if (check.isBookable === undefined) return [h("p", { class: "notice", "data-say": "" }, check.words)];
    if (!check.isBookable) return this.#refused(check);
    return [
      this.#money(check.price ?? this.#choosing.offer.price, check.currency || this.#sheet.currency),
      this.#moved(check),
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
    const facts = [moment(when, this.#language), priceOf(amount, this.#language)].filter(Boolean);
    return h("li", null, h("bdi", null, product), h("span", { class: "soft" }, facts.join(" · ")));
  }

  #sessions(check) {
    if (!check.sessions.length) return null;
    return h(
      "fieldset",
      { class: "sessions" },
      h("legend", null, this.#words("session")),
      check.sessions.map((session) =>
        this.#radio("session", session === this.#choosing.session, !session.isEnough, () => this.#choosing.pickSession(session), [
          h("bdi", { class: "name" }, [moment(session.startsAt, this.#language) || session.id, session.ticket].filter(Boolean).join(", ")),
          h("span", { class: "price" }),
          h("span", { class: "left" }, this.#left(session)),
        ]),
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
        h("button", { type: "button", class: "button main", "aria-disabled": message === "sending" ? "true" : null, onclick: () => this.#say() }, this.#words(message === "sending" ? "telling" : "tell")),
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
    const { zone, offer, session, quantity } = this.#choosing;
    const zoneName = quoted(zone.name || this.#words("unnamed"));
    const count = quantity;
    if (!offer) return this.#words("sentence_zone", { zone: zoneName, count });
    const sentence = this.#words("sentence", { zone: zoneName, count, offer: offer.id });
    return session ? this.#words("sentence_session", { sentence, session: session.id }) : sentence;
  }

  #money(amount, currency) {
    if (!amount) return null;
    const { quantity } = this.#choosing;
    const one = price(amount, currency, this.#language);
    const total = price(times(amount, quantity), currency, this.#language);
    return h(
      "p",
      { class: "money", "data-say": "" },
      h("strong", null, one),
      h("span", { class: "soft" }, ` ${this.#words("each")}`),
      quantity > 1 && h("span", { class: "total" }, this.#words("total", { quantity, price: one, total })),
    );
  }

  #price(offer) {
    if (offer.price === null) return priceOf(offer.foreign, this.#language);
    return price(offer.price, this.#sheet.currency, this.#language);
  }

  #moved({ price: now, currency }) {
    const { offer } = this.#choosing;
    const isKnown = now !== null && offer.price !== null && currency === this.#sheet.currency;
    if (!isKnown || Number(now) === Number(offer.price)) return null;
    return h("p", { class: "soft", "data-say": "" }, this.#words("moved", { price: this.#price(offer) }));
  }

  #left({ left }) {
    if (left === undefined) return "";
    return left === 0 ? this.#words("sold_out") : this.#words("left", { count: left });
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
