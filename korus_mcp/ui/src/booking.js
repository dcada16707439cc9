/**
 * ui://korus/booking.html: what reserve, place_order and get_tickets answered.
 *
 * The page reads. It holds, orders, confirms and names nothing: what a person decides belongs in
 * the conversation. Of the server's tools it knows the two in READERS, and calls no other.
 */

import { passed, endOf, secondsUntil } from "./booking/clock.js";
import { lookedAgain, readResult, stateNow, withMoreTickets } from "./booking/reading.js";
import { emptyView, runningClock, showTime, titleOf, viewOf } from "./booking/view.js";
import { meaningOf, WORDS } from "./booking/words.js";
import { Writer } from "./booking/writing.js";
import { fill } from "./dom.js";
import { connect } from "./host.js";
import { languageOf, translator } from "./texts.js";
import { applyTheme } from "./theme.js";

const READERS = Object.freeze({ holds: "get_reservation", tickets: "get_tickets" });
const DOCUMENT = /^korus:\/\/orders\/[\w-]{1,64}\/documents\/[\w-]{1,64}$/;
const PDF = "application/pdf";

const $ = (id) => document.getElementById(id);

/** The page: what it was told, and what it shows of that. */
class BookingPage {
  #host = null;
  #link = "waiting"; // or "open", "silent"
  #context = {};
  #args = {};
  #result = null;
  #booking = null;
  #isStopped = false;
  #arrivedAt = 0;
  #isFresh = false;
  #isBusy = false;
  #note = null;
  #downloads = new Map();
  #ends = new Map();
  #clock = { timer: null, before: null };

  start() {
    $("refresh").addEventListener("click", () => this.#refresh());
    document.addEventListener("visibilitychange", () => this.#tick());
    this.#show();
    connect({
      name: "korus-booking",
      version: "1.0.0",
      onInput: (args) => this.#takeInput(args),
      onResult: (result) => this.#takeResult(result),
      onCancelled: () => this.#stop(),
      onContext: (context) => this.#takeContext(context),
      onLate: (host) => this.#open(host),
      onTeardown: () => clearTimeout(this.#clock.timer),
    }).then((host) => this.#open(host), () => this.#goOnAlone());
  }

  #open(host) {
    this.#host = host;
    this.#link = "open";
    this.#show();
    this.#lookIfOld();
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
    this.#context = context;
    applyTheme(context);
    this.#read();
    this.#show();
  }

  #takeInput(args) {
    this.#args = args;
    this.#read();
    this.#show();
  }

  #takeResult(result) {
    this.#result = result;
    this.#arrivedAt = Date.now();
    this.#isFresh = false;
    this.#note = null;
    this.#downloads.clear();
    this.#booking = null;
    this.#read();
    this.#show();
    this.#say(titleOf(this.#booking, this.#scene()));
    this.#lookIfOld();
  }

  /** The booking of the host's result, unless the page has asked for a newer one meanwhile. */
  #read() {
    if (!this.#result || this.#isFresh) return;
    const tool = this.#context.toolInfo?.tool?.name;
    this.#booking = readResult(this.#result, { tool, args: this.#args });
    this.#measure();
  }

  /** Ask at once where the answer is older than it looks: a conversation that is shown again. */
  #lookIfOld() {
    const isOld = [...this.#ends.values()].some((end) => end.gap > 0);
    if (isOld && !this.#isFresh && this.#canRefresh()) this.#refresh();
  }

  // Asking

  #canRefresh() {
    if (!this.#booking || !this.#host?.offers("serverTools")) return false;
    return this.#booking.ids.length > 0 || Boolean(this.#booking.orderId);
  }

  async #refresh() {
    if (this.#isBusy || !this.#canRefresh()) return;
    await this.#asking(async () => {
      const booking = this.#booking;
      const isTickets = booking.kind === "tickets";
      const result = isTickets
        ? await this.#host.callTool(READERS.tickets, this.#ticketArguments())
        : await this.#host.callTool(READERS.holds, this.#inLanguage({ reservation_ids: booking.ids }));
      if (booking !== this.#booking) return;
      const read = readResult(result, { tool: isTickets ? READERS.tickets : "reserve", args: {} });
      if (read.kind === "error") return this.#tell(this.#failureOf(read));
      if (isTickets ? read.kind !== "tickets" : read.kind !== "reserve" || read.holds.length === 0) {
        return this.#tell("refresh_failed");
      }
      this.#take(isTickets ? read : lookedAgain(booking, result.structuredContent));
      this.#tell("refreshed");
    });
  }

  async #showMore() {
    await this.#asking(async () => {
      const booking = this.#booking;
      const args = { ...this.#ticketArguments(), cursor: booking.cursor };
      const result = await this.#host.callTool(READERS.tickets, args);
      const read = readResult(result, { tool: READERS.tickets, args: {} });
      if (booking !== this.#booking) return;
      if (read.kind !== "tickets") return this.#tell("refresh_failed");
      this.#take(withMoreTickets(booking, read));
      this.#tell("refreshed");
    });
  }

  /** One question at a time; a host that stays silent or refuses is told of, and nothing is lost. */
  async #asking(ask) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    this.#note = null;
    this.#show();
    try {
      await ask();
    } catch (error) {
      this.#tell(error.kind === "silent" ? "refresh_silent" : "refresh_failed");
    } finally {
      this.#isBusy = false;
      this.#show();
    }
  }

  #ticketArguments() {
    const vouchers = this.#args.vouchers === true ? { vouchers: true } : {};
    return this.#inLanguage({ order_id: this.#booking.orderId, ...vouchers });
  }

  #inLanguage(args) {
    const { language } = this.#args;
    return typeof language === "string" ? { ...args, language } : args;
  }

  #take(booking) {
    this.#booking = booking;
    this.#arrivedAt = Date.now();
    this.#isFresh = true;
    this.#measure();
  }

  /** Note and say how a question ended. */
  #tell(note) {
    this.#note = note;
    this.#say(this.#noteText());
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

  /** The document read through the host, under a name of our own making. */
  async #embedded(file) {
    if (!DOCUMENT.test(file.uri)) throw new TypeError("not a document of ours");
    const contents = await this.#host.readResource(file.uri);
    const found = contents.find((c) => typeof c?.blob === "string" && (c.mimeType ?? PDF) === PDF);
    if (!found) throw new TypeError("no PDF was handed over");
    const resource = { uri: `file:///${this.#fileName(file)}`, mimeType: PDF, blob: found.blob };
    return { type: "resource", resource };
  }

  #fileName(file) {
    const stem = (file.name ?? "tickets").replace(/\.pdf$/i, "").replace(/[^\w-]+/g, "-").slice(0, 60);
    const number = this.#booking.documents.findIndex((d) => d.uri === file.uri) + 1;
    return `${stem || "tickets"}${number > 1 ? `-${number}` : ""}.pdf`;
  }

  // Showing

  #language() {
    return languageOf(this.#context.locale, this.#args.language, navigator.language);
  }

  #words() {
    const language = this.#language();
    const locales = [this.#context.locale, this.#args.language, navigator.language];
    const locale = locales.find((l) => typeof l === "string" && languageOf(l) === language && l.length > 2);
    const writer = new Writer(locale ?? { en: "en-GB", fr: "fr-FR" }[language], this.#context.timeZone);
    return { t: translator(language, WORDS), language, writer };
  }

  /** When each hold ends, reckoned once for each answer. */
  #measure() {
    this.#ends = new Map();
    for (const hold of this.#booking?.holds ?? []) {
      const end = endOf(hold, this.#arrivedAt, this.#isFresh);
      if (end) this.#ends.set(hold, end);
    }
    this.#clock.before = null;
  }

  #scene() {
    const now = Date.now();
    const all = this.#booking?.holds ?? [];
    const ends = new Map();
    const holds = all.map((hold) => {
      const end = this.#ends.get(hold);
      const shown = end && end.at <= now ? { ...hold, state: "expired" } : hold;
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
      canAsk: Boolean(this.#host?.offers("serverTools")),
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
    if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
    this.#showFooter(scene);
    this.#plan(scene);
  }

  #emptyKey() {
    if (this.#isStopped) return "stopped";
    return this.#link === "silent" ? "silent" : "waiting";
  }

  #showFooter({ t }) {
    const canRefresh = this.#canRefresh();
    const button = $("refresh");
    button.hidden = !canRefresh;
    button.textContent = t(this.#isBusy ? "refreshing" : "refresh");
    button.setAttribute("aria-disabled", String(this.#isBusy));
    $("note").textContent = this.#booking && canRefresh ? this.#noteText() : "";
    $("foot").hidden = !canRefresh;
  }

  #noteText() {
    const { t, writer } = this.#words();
    const time = writer.instant(this.#arrivedAt);
    if (this.#note?.words) return `${this.#note.words}. ${t("as_of", { time })}`;
    return t(this.#note ?? "as_of", { time });
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
    this.#say(scene.t(first ? "said_over_some" : "said_over"));
  }

  #sayTime(seconds, { t, writer }) {
    const mark = passed(this.#clock.before, seconds);
    this.#clock.before = seconds;
    if (mark) this.#say(t("said_left", { span: writer.span(seconds) }));
  }

  /** For a screen reader, when it has nothing else to say. */
  #say(words) {
    $("said").textContent = words;
  }
}

new BookingPage().start();
