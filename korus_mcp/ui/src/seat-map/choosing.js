/**
 * The choice of a person: a zone, one of its offers, a session; checked with the issuer, told to the
 * model. It calls check_availability and nothing else: holding and ordering are the assistant's.
 */

import { amountOf, countOf, currencyOf, idOf } from "./sheet.js";
import { clean } from "../texts.js";
import { listOf } from "../values.js";
import { atMost, comparedOf, hasRoom, isWithin } from "./wish.js";

/** How long a changed number of seats has to stand before the issuer is asked, in milliseconds. */
const PATIENCE = 350;

/**
 * One choice at a time. `changed(part)` is called with "zone", "check", "told" or "sent" after each
 * change of the properties below.
 */
export class Choosing {
  /** The chosen zone and its offer, or null. */
  zone = null;
  offer = null;
  /** The chosen session of the check, or null. */
  session = null;
  /** Whether the person said which of several offers it is, or the zone has only one. */
  isPicked = false;
  /** `{state}`: "unasked", "asking", "done" (with what was found), "failed" (with `words`, `kind`). */
  check = { state: "unasked" };
  /** Whether the model knows: null (not yet), true or false. */
  told = null;
  /** The message to the assistant: null, "sending", "sent" or "failed". */
  message = null;

  #sheet;
  #changed;
  #host = null;
  #wish = { quantity: 1, most: null };
  #turn = 0;
  #timer = null;
  #run = null;
  #wantedSession = "";
  #everTold = false;
  #isStanding = false;

  constructor(sheet, changed) {
    this.#sheet = sheet;
    this.#changed = changed;
  }

  get quantity() {
    return this.#wish.quantity;
  }

  /** Whether there is a host that says that it passes on no questions to the server. */
  get cannotAsk() {
    return this.#host !== null && !this.#host.mayOffer("serverTools");
  }

  /** What stands, for `choose` on a renewed sheet. */
  get kept() {
    const isSaid = this.isPicked && this.zone.offers.length > 1;
    return { offerId: isSaid ? this.offer.id : "", sessionId: this.#wantedSession };
  }

  /** Whether the host takes messages in the person's name. */
  get canSay() {
    return this.#host?.offers("message") ?? false;
  }

  /** The host to ask from now on; null while there is none. */
  useHost(host) {
    this.#host = host;
    if (!host) this.#drop();
    else if (this.zone && this.check.state === "unasked") this.#ask();
  }

  /** Choose a zone and the offer that suits the wish best, or what was `kept` if it is still there. */
  choose(zone, wish, { offerId = "", sessionId = "" } = {}) {
    const kept = zone.offers.find((offer) => offer.id === offerId && offer.left !== 0);
    this.#wish = wish;
    this.#wantedSession = sessionId;
    this.zone = zone;
    this.offer = kept ?? offerFor(zone, wish);
    this.isPicked = kept !== undefined || (!offerId && zone.offers.length < 2 && !zone.isCut);
    this.#changed("zone");
    this.#ask();
  }

  /** The person says which offer it is; the issuer is asked after so many milliseconds. */
  pickOffer(offer, patience = 0) {
    const isSame = offer === this.offer;
    const isKnown = isSame && this.isPicked;
    this.offer = offer;
    this.isPicked = true;
    if (!isSame) this.#ask(patience);
    else if (this.#run && !patience) this.#run();
    else if (!isKnown && this.check.state !== "asking") this.#tell();
  }

  pickSession(session) {
    this.session = session;
    this.#wantedSession = session.id;
    this.#forgetMessage();
    this.#tell();
  }

  /** Another number of seats or price: a choice stands, and is checked again when it has settled. */
  rewish(wish) {
    const isAnew = wish.quantity !== this.#wish.quantity;
    this.#wish = wish;
    if (this.zone && isAnew) this.#ask(PATIENCE);
  }

  /** Ask the issuer once more. */
  retry() {
    this.#ask();
  }

  /** Nothing is chosen any more; a model that was told of a choice is told of this, too. */
  clear() {
    this.#drop();
    this.#wantedSession = "";
    this.zone = this.offer = this.session = null;
    this.check = { state: "unasked" };
    this.#forgetMessage();
    this.#changed("zone");
    if (this.#everTold) this.#tellThat("The person took back the choice: nothing is chosen on the seat map.");
  }

  /** Say the choice to the assistant as a message of the person. */
  async say(text) {
    const turn = this.#turn;
    this.isPicked ||= !this.zone.isCut;
    this.message = "sending";
    this.#changed("sent");
    const outcome = await this.#host.say(text).then(
      () => "sent",
      () => "failed",
    );
    if (turn !== this.#turn) return;
    this.message = outcome;
    this.#changed("sent");
  }

  /** What is still asked for does not count any more. */
  #drop() {
    this.#turn += 1;
    this.#run = null;
    clearTimeout(this.#timer);
  }

  #ask(patience = 0) {
    this.#drop();
    const turn = this.#turn;
    this.session = null;
    this.told = null;
    this.#forgetMessage();
    const canAsk = this.#host !== null && !this.cannotAsk && this.offer !== null;
    this.check = { state: canAsk ? "asking" : "unasked" };
    this.#changed("check");
    if (!canAsk) return void this.#tell();
    if (this.#isStanding) {
      this.#isStanding = false;
      this.#tellThat("The person is changing the choice on the seat map: disregard the one before.");
    }
    this.#run = () => {
      clearTimeout(this.#timer);
      this.#run = null;
      this.#check(turn);
    };
    this.#timer = setTimeout(this.#run, patience);
  }

  /** An answer counts only while no newer question was put. */
  async #check(turn) {
    const args = { offer_id: this.offer.id, quantity: this.quantity };
    if (this.#sheet.language) args.language = this.#sheet.language;
    const check = await this.#host.callTool("check_availability", args).then(
      checkOf,
      (error) => ({ state: "failed", kind: error.kind ?? "refused", words: "" }),
    );
    if (turn !== this.#turn) return;
    this.check = check;
    const { sessions = [] } = check;
    const open = sessions.filter((s) => s.isEnough);
    const wanted = [this.#wantedSession, this.#sheet.sessionId];
    const asked = wanted.map((id) => open.find((s) => s.id === id)).find(Boolean);
    this.session = asked ?? (sessions.length === 1 ? (open[0] ?? null) : null);
    this.#changed("check");
    this.#tell();
  }

  #forgetMessage() {
    this.message = null;
    this.#changed("sent");
  }

  #tell() {
    const data = dataOf(this, this.#sheet);
    this.#isStanding = this.#host !== null;
    this.#everTold ||= this.#isStanding;
    return this.#tellThat(sentenceOf(this, this.#sheet), data);
  }

  async #tellThat(text, data = { chosen: false }) {
    if (!this.#host) {
      this.told = false;
      this.#changed("told");
      return;
    }
    const turn = this.#turn;
    const told = await this.#host.tellModel({ text, data }).then(
      () => true,
      () => false,
    );
    if (turn !== this.#turn || this.check.state === "asking") return;
    this.told = told;
    this.#changed("told");
  }
}

/**
 * The dearest offer that suits the wish, else the dearest with seats, else the first; null where all
 * that are listed are sold out and others are not listed. One of another price type only where no other
 * is there.
 *
 * Cheaper ones are often for children or members: nobody should be given one without asking for it.
 */
export function offerFor(zone, { quantity, most }) {
  const compared = comparedOf(zone).filter((offer) => offer.left !== 0);
  const dearest = (compared.length ? compared : zone.offers)
    .filter((offer) => offer.left !== 0)
    .sort((a, b) => Number(b.price ?? 0) - Number(a.price ?? 0));
  const suits = (offer) => isWithin(offer, most) && hasRoom(offer, quantity);
  return dearest.find(suits) ?? dearest[0] ?? (zone.isCut ? null : zone.offers[0]) ?? null;
}

/**
 * What the chosen offer costs each, `{amount, currency}`: as checked, else as on the map; null where
 * neither says it. The zone's lowest price is that of another offer.
 */
export function priceOfChoice({ offer, check }, sheet) {
  if (check.price) return { amount: check.price, currency: check.currency || sheet.currency };
  return offer && priceOfOffer(offer, sheet);
}

/** What an offer costs on the map, `{amount, currency}`, or null. */
export function priceOfOffer({ price, foreign }, sheet) {
  if (price !== null) return { amount: price, currency: sheet.currency };
  return foreign ? { amount: amountOf(foreign), currency: currencyOf(foreign) } : null;
}

/** What a check_availability result says. */
export function checkOf(result) {
  const view = result.structuredContent;
  if (result.isError) {
    const words = view?.error?.message ?? wordsOf(result);
    return { state: "failed", kind: "answer", words: clean(words, 400) };
  }
  if (typeof view?.bookable !== "boolean") {
    return { state: "done", words: clean(wordsOf(result), 400), sessions: [], instead: [] };
  }
  return {
    state: "done",
    isBookable: view.bookable,
    reason: clean(view.reason, 200),
    price: amountOf(view.price),
    currency: currencyOf(view.price),
    left: countOf(view.left),
    sessions: listOf(view.sessions).slice(0, 50).map(sessionOf).filter((s) => s.id),
    hasMore: Boolean(view.next_cursor),
    instead: listOf(view.alternatives).slice(0, 3).map(insteadOf),
  };
}

function sessionOf(session) {
  return {
    id: idOf(session.session_id),
    startsAt: clean(session.starts_at, 40),
    left: countOf(session.left),
    isEnough: session.enough === true,
    ticket: clean(session.ticket),
  };
}

function insteadOf(offer) {
  return {
    product: clean(offer.product, 120),
    when: clean(offer.starts_at ?? offer.date, 40),
    price: clean(offer.price, 20),
  };
}

function wordsOf(result) {
  return listOf(result.content).find((block) => block.type === "text")?.text ?? "";
}

/** The choice for the model, in a sentence; names are quoted, since others wrote them. */
function sentenceOf(choice, sheet) {
  const { zone, offer, check, session, quantity } = choice;
  const category = zone.category ? ` (${quoted(zone.category)})` : "";
  const what = `The person chose the zone ${quoted(zone.name)}${category} on the seat map`;
  if (!offer) {
    return `${what}, quantity ${quantity}. The page has no offer_id of it: call get_offers for this zone.`;
  }
  const facts = [`offer_id ${offer.id}`, `quantity ${quantity}`, ...priceFacts(choice, sheet)];
  if (session) facts.push(`session_id ${session.id}${session.startsAt ? ` (${session.startsAt})` : ""}`);
  const open = choice.isPicked ? "" : ` ${unpicked(zone, sheet)}`;
  return `${what}: ${facts.join(", ")}. ${standing(check, session)}${open}`;
}

/** The page shows one of several offers first; which one it is to be is still to ask. */
function unpicked({ offers, isCut }, sheet) {
  const named = offers.slice(0, 6).map((offer) => {
    const price = priceOfOffer(offer, sheet);
    return `${[quoted(offer.product), price?.amount, price?.currency].filter(Boolean).join(" ")}: offer_id ${offer.id}`;
  });
  const others = isCut || offers.length > named.length ? " The zone has more tickets: get_offers lists them." : "";
  return `The person has not said which ticket; ask before you reserve: ${named.join("; ")}.${others}`;
}

function priceFacts(choice, sheet) {
  const { zone, offer, check } = choice;
  const price = priceOfChoice(choice, sheet);
  const left = atMost(zone, check.left ?? (check.state === "done" ? undefined : offer.left));
  const told = zone.isShared && left ? `at most ${left} left here, shared with other zones` : `${left} left`;
  const facts = [price && `${price.amount} ${price.currency} each`, left !== undefined && told];
  return facts.filter(Boolean);
}

function standing(check, session) {
  if (check.state !== "done") return "It was not checked: call check_availability.";
  if (check.isBookable === false) {
    return `Checked just now: not bookable${check.reason ? ` (${check.reason})` : ""}.`;
  }
  const open = check.sessions.length && !session ? " No session is chosen yet." : "";
  return `Checked with check_availability just now; nothing is held.${open}`;
}

function dataOf(choice, sheet) {
  const { zone, offer, check, session, quantity } = choice;
  const price = priceOfChoice(choice, sheet);
  const data = {
    chosen: true,
    product_base_id: sheet.baseId,
    date: sheet.date,
    zone: zone.name,
    category: zone.category,
    offer_id: offer?.id,
    offer_is_chosen: offer ? choice.isPicked : undefined,
    quantity,
    price: price?.amount,
    from_price: offer ? undefined : zone.from,
    currency: price?.currency ?? sheet.currency,
    left: atMost(zone, check.left),
    bookable: check.isBookable,
    session_id: session?.id,
  };
  const isThere = ([, value]) => value !== undefined && value !== null && value !== "";
  return Object.fromEntries(Object.entries(data).filter(isThere));
}

/** In quotation marks that the name itself cannot end. */
export function quoted(name) {
  return `"${name.replace(/["“”«»„]/g, "'")}"`;
}
