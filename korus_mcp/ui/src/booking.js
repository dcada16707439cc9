/**
 * ui://korus/booking.html: what reserve, place_order and get_tickets answered.
 *
 * The page reads. It holds, orders, confirms and names nothing: what a person decides belongs in
 * the conversation. Of the server's tools it knows the two in READERS, and calls no other.
 */

import { Asking } from "./booking/asking.js";
import { endOf, OLD_FROM, passed, secondsUntil } from "./booking/clock.js";
import { lookedAgain, readResult, stateNow, withMoreTickets } from "./booking/reading.js";
import { emptyView, runningClock, showTime, titleOf, viewOf } from "./booking/view.js";
import { meaningOf, WORDS } from "./booking/words.js";
import { Writer } from "./writing.js";
import { fill } from "./dom.js";
import { connect } from "./host.js";
import { Pager } from "./pager.js";
import { keepWithin, roomOf } from "./room.js";
import { languageOf, translator } from "./texts.js";
import { applyTheme, onPreference } from "./theme.js";
import { objectOf } from "./values.js";

const READERS = Object.freeze({ holds: "get_reservation", tickets: "get_tickets" });
/** What a person may fetch: by its address, of which type it is, and in which part of a resource. */
const KINDS = [
  { address: /^korus:\/\/orders\/[\w-]{1,64}\/documents\/[\w-]{1,64}$/, type: "application/pdf", part: "blob", ending: "pdf" },
  { address: /^korus:\/\/orders\/[\w-]{1,64}\/calendar\.ics$/, type: "text/calendar", part: "text", ending: "ics" },
];
/** How often the page asks by itself about one result, whatever the answers say. */
const MOST_LOOKS = 20;
/** Under which key of a result's `_meta` the server tells the language of an answer. */
const LANGUAGE_KEY = "io.github.korus-mcp/language";
/** How wide the page is at most (booking.css). */
const WIDEST = 820;
/** Parts of the page, for its pager. */
const PARTS = {
  divides: "section, ul, ol, dl, table, tbody, figure, .top, .what, .naming, .agree, .card, .words, details",
  heads: "h2, h3, thead, caption, summary, .section-head, .hidden",
  whole: ".top, .what, .card, .agree, figure",
};

const $ = (id) => document.getElementById(id);

/** The page: what it was told, and what it shows of that. */
class BookingPage {
  #host = null;
  #asks = null; // of the host, as soon as it is there
  #link = "waiting"; // or "open", "silent"
  #context = {};
  #args = {};
  #result = null;
  #booking = null;
  #turn = 0; // which result of the host it is
  #isStopped = false;
  #arrivedAt = 0;
  #askedAt = null; // null: the host handed the answer over
  #isBusy = false;
  #note = null;
  #downloads = new Map();
  #ends = new Map();
  #lookedFor = new Set();
  #clock = { timer: null, before: null };
  #room = roomOf({}, WIDEST);
  #width = window.innerWidth;
  #pager = new Pager($("page"), { ...PARTS, turned: (words) => this.#say(words) });

  start() {
    $("foot").append(this.#pager.element);
    $("refresh").addEventListener("click", () => this.#refresh());
    $("page").addEventListener("toggle", () => this.#arrange(), true);
    document.addEventListener("visibilitychange", () => this.#tick());
    window.addEventListener("resize", () => this.#resized());
    onPreference(() => applyTheme(this.#context));
    this.#takeContext({});
    connect({
      name: "korus-booking",
      version: "1.0.0",
      onInput: (args) => this.#takeInput(args),
      onResult: (result) => this.#takeResult(result),
      onCancelled: () => this.#stop(),
      onContext: (context) => this.#takeContext(context),
      onLate: (host) => this.#open(host),
      preferredWidth: () => this.#room.width,
      onTeardown: () => clearTimeout(this.#clock.timer),
    }).then((host) => this.#open(host), () => this.#goOnAlone());
  }

  #open(host) {
    this.#host = host;
    this.#asks = new Asking(host);
    this.#link = "open";
    this.#show();
    this.#lookIfDue();
  }

  #goOnAlone() {
    this.#link = "silent";
    this.#show();
  }

  #stop() {
    this.#isStopped = true;
    if (!this.#booking) this.#show();
  }

  #takeContext(context) {
    const before = this.#tool();
    this.#context = context;
    this.#room = roomOf(context, WIDEST);
    keepWithin(this.#room);
    applyTheme(context);
    if (this.#tool() !== before) this.#read();
    this.#show();
  }

  #takeInput(args) {
    this.#args = args;
    this.#read();
    this.#show();
  }

  #takeResult(result) {
    this.#result = result;
    this.#turn += 1;
    this.#arrivedAt = Date.now();
    this.#askedAt = null;
    this.#note = null;
    this.#downloads.clear();
    this.#lookedFor.clear();
    this.#pager.restart();
    this.#booking = null;
    this.#read();
    this.#show();
    this.#lookIfDue();
    this.#say(titleOf(this.#booking, this.#scene()));
  }

  #tool() {
    return this.#context.toolInfo?.tool?.name;
  }

  /** The booking of the host's result, unless the page has asked for a newer one meanwhile. */
  #read() {
    if (!this.#result || this.#askedAt !== null) return;
    this.#booking = readResult(this.#result, { tool: this.#tool(), args: this.#args });
    this.#measure();
  }

  // Asking

  #hasQuestion() {
    return this.#booking?.ids.length > 0 || Boolean(this.#booking?.orderId);
  }

  #canRefresh() {
    return this.#hasQuestion() && Boolean(this.#asks?.isPossible);
  }

  async #refresh() {
    if (this.#canRefresh()) await this.#asking((turn) => this.#lookAgain(turn), () => this.#noteText());
  }

  /**
   * Ask without being asked: once for each end of a hold, which may have been ordered meanwhile, and
   * for an answer that is older than it looks.
   */
  #lookIfDue() {
    if (this.#isBusy || !this.#hasQuestion() || !this.#asks?.isOffered) return false;
    const now = Date.now();
    const due = [...this.#ends]
      .filter(([, end]) => end.at <= now || end.gap > OLD_FROM)
      .map(([hold, end]) => `${hold.id} ${end.at}`)
      .filter((end) => !this.#lookedFor.has(end));
    if (due.length === 0 || this.#lookedFor.size >= MOST_LOOKS) return false;
    for (const end of due) this.#lookedFor.add(end);
    this.#asking((turn) => this.#lookAgain(turn), () => this.#endText());
    return true;
  }

  /** What became of it: how that went, as a note. */
  async #lookAgain(turn) {
    const askedAt = Date.now();
    const isTickets = this.#booking.kind === "tickets";
    const result = await this.#asks.answered(isTickets
      ? this.#host.callTool(READERS.tickets, this.#ticketArguments())
      : this.#host.callTool(READERS.holds, this.#inLanguage({ reservation_ids: this.#booking.ids })));
    if (turn !== this.#turn) return null;
    const read = readResult(result, { tool: isTickets ? READERS.tickets : "reserve", args: {} });
    if (read.kind === "error") return this.#failureOf(read);
    if (isTickets ? read.kind !== "tickets" : read.kind !== "reserve" || read.holds.length === 0) {
      return "refresh_failed";
    }
    this.#take(isTickets ? read : lookedAgain(this.#booking, result.structuredContent), askedAt);
    return "refreshed";
  }

  async #showMore() {
    const words = () => this.#moreText();
    await this.#asking(async (turn) => {
      const args = { ...this.#ticketArguments(), cursor: this.#booking.cursor };
      const result = await this.#asks.answered(this.#host.callTool(READERS.tickets, args));
      if (turn !== this.#turn) return null;
      const read = readResult(result, { tool: READERS.tickets, args: {} });
      if (read.kind === "error") return this.#failureOf(read);
      if (read.kind !== "tickets") return "refresh_failed";
      this.#booking = withMoreTickets(this.#booking, read);
      this.#askedAt ??= this.#arrivedAt;
      return null;
    }, words);
  }

  /**
   * One question at a time; a host that stays silent or refuses is told of, and nothing is lost.
   *
   * `ask(turn)` answers a note; `words()` is what is said then. Another result of the host that came
   * meanwhile has said its own, and the answer is none to it.
   */
  async #asking(ask, words) {
    if (this.#isBusy) return;
    const turn = this.#turn;
    this.#isBusy = true;
    this.#note = null;
    this.#show();
    const note = await ask(turn).catch((error) => this.#failureNote(error));
    this.#isBusy = false;
    if (turn === this.#turn) this.#note = note;
    this.#show();
    if (turn === this.#turn) this.#say(words());
    this.#lookIfDue();
  }

  #failureNote(error) {
    if (!this.#asks.isPossible) return "cannot_look";
    return error.kind === "silent" ? "refresh_silent" : "refresh_failed";
  }

  #ticketArguments() {
    const vouchers = this.#args.vouchers === true ? { vouchers: true } : {};
    return this.#inLanguage({ order_id: this.#booking.orderId, ...vouchers });
  }

  #inLanguage(args) {
    const { language } = this.#args;
    return typeof language === "string" ? { ...args, language } : args;
  }

  #take(booking, askedAt) {
    this.#booking = booking;
    this.#arrivedAt = Date.now();
    this.#askedAt = askedAt;
    this.#measure();
  }

  #failureOf(read) {
    return { words: meaningOf(read.code, this.#language())[0] };
  }

  async #download(file) {
    this.#downloads.set(file.uri, "busy");
    this.#show();
    const { t } = this.#words();
    try {
      await this.#host.download([await this.#embedded(file)]);
      this.#downloads.set(file.uri, "done");
      this.#say(t("downloaded"));
    } catch {
      this.#downloads.set(file.uri, "failed");
      this.#say(t("download_failed"));
    }
    this.#show();
  }

  /** The file read through the host, under a name of our own making. */
  async #embedded(file) {
    const kind = KINDS.find(({ address }) => address.test(file.uri));
    if (!kind) throw new TypeError("not a file of ours");
    const { type, part } = kind;
    const contents = await this.#host.readResource(file.uri);
    const found = contents.find((c) => typeof c?.[part] === "string" && (c.mimeType ?? type) === type);
    if (!found) throw new TypeError("another file was handed over");
    const resource = { uri: `file:///${this.#fileName(file, kind)}`, mimeType: type, [part]: found[part] };
    return { type: "resource", resource };
  }

  #fileName(file, { ending }) {
    const stem = (file.name ?? "").replace(/\.(pdf|ics)$/i, "").replace(/[^\w-]+/g, "-").slice(0, 60);
    if (stem) return `${stem}.${ending}`;
    const number = this.#booking.documents.findIndex((d) => d.uri === file.uri) + 1;
    return `tickets${number > 1 ? `-${number}` : ""}.${ending}`;
  }

  // Showing

  #language() {
    return languageOf(...this.#locales());
  }

  /** The reader's language as the host tells it, else that of the call, of the answer, of the browser. */
  #locales() {
    const answered = objectOf(this.#result?._meta)[LANGUAGE_KEY];
    return [this.#context.locale, this.#args.language, answered, navigator.language];
  }

  #words() {
    const language = this.#language();
    const locales = this.#locales();
    const locale = locales.find((l) => typeof l === "string" && languageOf(l) === language && l.length > 2);
    const writer = new Writer(locale ?? { en: "en-GB", fr: "fr-FR" }[language], this.#context.timeZone);
    return { t: translator(language, WORDS), language, writer };
  }

  /** When each hold ends, reckoned once for each answer. */
  #measure() {
    this.#ends = new Map();
    for (const hold of this.#booking?.holds ?? []) {
      const end = endOf(hold, this.#arrivedAt, this.#askedAt);
      if (end) this.#ends.set(hold, end);
    }
    this.#clock.before = null;
  }

  #scene() {
    const now = Date.now();
    const all = this.#booking?.holds ?? [];
    const over = this.#isBusy ? "time_up" : "expired";
    const ends = new Map();
    const holds = all.map((hold) => {
      const end = this.#ends.get(hold);
      const shown = end && end.at <= now ? { ...hold, state: over } : hold;
      if (end) ends.set(shown, end);
      return shown;
    });
    return {
      ...this.#words(),
      now,
      holds,
      ends,
      state: this.#booking ? stateNow(this.#booking, holds) : null,
      arrivedAt: this.#arrivedAt,
      canAsk: Boolean(this.#asks?.isPossible),
      isAsking: this.#isBusy,
      canDownload: ["downloadFile", "serverResources"].every((c) => this.#host?.offers(c)),
      downloads: this.#downloads,
      onDownload: (file) => this.#download(file),
      onMore: () => this.#showMore(),
    };
  }

  #show() {
    const scene = this.#scene();
    const { t, language } = scene;
    document.documentElement.lang = language;
    const focused = document.activeElement?.id;
    const content = this.#booking ? viewOf(this.#booking, scene) : emptyView(this.#emptyKey(), scene);
    fill($("page"), ...content);
    document.title = $("page").querySelector("h1").textContent || t("page");
    this.#showFooter(scene);
    this.#pager.speak(t);
    this.#arrange();
    if (focused && document.activeElement?.id !== focused) this.#focusOn(focused);
    this.#plan(scene);
  }

  #focusOn(id) {
    const element = $(id);
    if (!element) return;
    this.#pager.reveal(element);
    element.focus();
  }

  /** Lay the page out for the room there is. */
  #arrange() {
    this.#pager.fit(this.#room.height);
  }

  #resized() {
    if (window.innerWidth === this.#width) return;
    this.#width = window.innerWidth;
    this.#arrange();
  }

  #emptyKey() {
    if (this.#isStopped) return "stopped";
    return this.#link === "silent" ? "silent" : "waiting";
  }

  #showFooter({ t }) {
    const canRefresh = this.#canRefresh();
    const isInVain = this.#hasQuestion() && !canRefresh && this.#link !== "waiting";
    const button = $("refresh");
    button.hidden = !canRefresh;
    button.textContent = t(this.#isBusy ? "refreshing" : "refresh");
    button.setAttribute("aria-disabled", String(this.#isBusy));
    $("note").textContent = canRefresh || isInVain ? this.#noteText() : "";
  }

  #noteText() {
    const { t, writer } = this.#words();
    const time = writer.instant(this.#arrivedAt);
    if (!this.#canRefresh()) return t("cannot_look", { time });
    if (this.#note?.words) return `${this.#note.words}. ${t("as_of", { time })}`;
    return t(this.#note ?? "as_of", { time });
  }

  #moreText() {
    const { tickets, inAll } = this.#booking;
    if (this.#note) return this.#noteText();
    return this.#words().t("shown_of", { shown: tickets.length, all: inAll ?? tickets.length });
  }

  /** What is said of the end of a hold once it was looked up, or could not be. */
  #endText() {
    const scene = this.#scene();
    const isOver = scene.holds.some((hold) => hold.state === "expired");
    if (isOver && runningClock(scene)) return scene.t("said_over_some");
    return isOver && scene.state === "expired" ? scene.t("said_over") : titleOf(this.#booking, scene);
  }

  // The clock

  #plan(scene) {
    clearTimeout(this.#clock.timer);
    const first = runningClock(scene);
    if (!first) return;
    this.#clock.before ??= secondsUntil(first.at, scene.now);
    const untilNext = (first.at - scene.now) % 1000 || 1000;
    this.#clock.timer = setTimeout(() => this.#tick(), untilNext);
  }

  /** Only the digits change each second; the page is made anew when a hold ends. */
  #tick() {
    const scene = this.#scene();
    const first = runningClock(scene);
    const face = $("page").querySelector(".clock");
    const isSame = first && face && Number(face.dataset.at) === first.at;
    if (!first && !face) return;
    if (isSame) {
      showTime(face, first.at, scene);
      this.#sayTime(secondsUntil(first.at, scene.now), scene);
      this.#plan(scene);
      return;
    }
    this.#clock.before = null;
    this.#show();
    if (!this.#lookIfDue() && !this.#isBusy) this.#say(this.#endText());
    else if (!first) this.#say(titleOf(this.#booking, this.#scene()));
  }

  #sayTime(seconds, { t, writer }) {
    const mark = passed(this.#clock.before, seconds);
    this.#clock.before = seconds;
    if (mark) this.#say(t("said_left", { span: writer.span(seconds) }));
  }

  /** For a screen reader, when it has nothing else to say. The same words again are a change, too. */
  #say(words) {
    const region = $("said");
    region.textContent = region.textContent === words ? `${words}\u00a0` : words;
  }
}

new BookingPage().start();
