/** Money, days, moments and spans of time in the reader's words. What cannot be read stays as it is. */

const MOMENT = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/;
const PRICE = /^(-?\d{1,15}(?:\.\d{1,6})?) ([A-Z]{3})$/;
const DATE = { day: "numeric", month: "long", year: "numeric" };

/**
 * Writes for one reader: `locale` as Intl takes it, `zone` the reader's own or undefined.
 *
 * In full, as on a receipt: cents always, the time as the locale has it. `isBrief`, as beside a map:
 * cents where there are some, the weekday spelled out, and always 24 hours, as on a ticket.
 */
export class Writer {
  constructor(locale, zone, { isBrief = false } = {}) {
    this.locale = canFormat(locale) ? locale : "en-GB";
    this.zone = canFormat(this.locale, zone) ? zone : undefined;
    this.isBrief = isBrief;
    this.day = { ...DATE, weekday: isBrief ? "long" : "short" };
    const { hourCycle } = kept(Intl.DateTimeFormat, this.locale, { hour: "numeric" }).resolvedOptions();
    const digits = { hour: hourCycle === "h23" ? "2-digit" : "numeric", minute: "2-digit" };
    this.time = isBrief ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : digits;
  }

  /** "58.00 EUR" as a price, digit by digit as it was given. */
  money(text) {
    const [, amount, currency] = PRICE.exec(text ?? "") ?? [];
    if (!amount) return text ?? "";
    const cents = amount.split(".")[1] ?? "";
    const digits = this.isBrief && !/[1-9]/.test(cents) ? 0 : Math.max(2, cents.length);
    const format = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    return this.#number({ style: "currency", currency, ...format }).format(amount);
  }

  /** "58.00" and "EUR" as a price; either may be missing. */
  price(amount, currency) {
    return this.money([amount, currency].filter(Boolean).join(" "));
  }

  count(number) {
    return this.#number({}).format(number);
  }

  /** A day, or day and time, by the clock of the place it belongs to: the offset it came with. */
  atVenue(text) {
    const at = parsed(text);
    if (!at) return text ?? "";
    return this.#dated(at.asWritten, this.day, at.hasTime, "UTC");
  }

  /** Whether the reader's clock shows another hour than the venue's at that moment. */
  isElsewhere(text) {
    const at = parsed(text);
    if (!at?.hasTime || at.instant === null) return false;
    const format = { ...this.day, ...this.time };
    return (
      this.#written(at.asWritten, format, "UTC") !== this.#written(at.instant, format, this.zone)
    );
  }

  /**
   * A moment of the service, such as the end of a hold: by the reader's clock, since they wait for
   * it; without an offset as it was given. Today's without the day.
   */
  moment(text) {
    const at = parsed(text);
    if (!at?.hasTime || at.instant === null) return this.atVenue(text);
    return this.instant(at.instant);
  }

  /** The same from milliseconds. */
  instant(at) {
    const isToday = this.#written(at, DATE, this.zone) === this.#written(Date.now(), DATE, this.zone);
    if (isToday) return this.#written(at, this.time, this.zone);
    return this.#dated(at, this.isBrief ? DATE : this.day, true, this.zone);
  }

  /** Seconds as "9:05" or "1:02:05". */
  clock(seconds) {
    const parts = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
    const shown = parts[0] > 0 ? parts : parts.slice(1);
    return shown.map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0"))).join(":");
  }

  /** Seconds in words: "4 minutes 5 seconds". */
  span(seconds) {
    const units = [["hour", 3600], ["minute", 60], ["second", 1]];
    const said = [];
    let rest = seconds;
    for (const [unit, size] of units) {
      const count = Math.floor(rest / size);
      rest -= count * size;
      if (count > 0) said.push(this.#number({ style: "unit", unit, unitDisplay: "long" }).format(count));
    }
    return said.join(" ") || this.#number({ style: "unit", unit: "second", unitDisplay: "long" }).format(0);
  }

  #number(options) {
    return kept(Intl.NumberFormat, this.locale, options);
  }

  /** A day with or without its time; in brief without the word that a language has between them. */
  #dated(at, day, hasTime, zone) {
    if (!hasTime) return this.#written(at, day, zone);
    if (this.isBrief) return `${this.#written(at, day, zone)}, ${this.#written(at, this.time, zone)}`;
    return this.#written(at, { ...day, ...this.time }, zone);
  }

  #written(at, format, timeZone) {
    const written = kept(Intl.DateTimeFormat, this.locale, { ...format, timeZone }).format(at);
    return written.replace(/\s([AP]M)$/i, "\u00a0$1");
  }
}

/** The sum of prices such as "58.00 EUR", to the digit; null where one is missing or in another currency. */
export function sumOf(texts) {
  const prices = texts.map((text) => PRICE.exec(text ?? ""));
  const currency = prices[0]?.[2];
  if (!currency || prices.some((price) => price?.[2] !== currency)) return null;
  const digits = Math.max(2, ...prices.map(([, amount]) => amount.split(".")[1]?.length ?? 0));
  const sum = prices.reduce((all, [, amount]) => all + smallest(amount, digits), 0n);
  const written = String(sum < 0n ? -sum : sum).padStart(digits + 1, "0");
  return `${sum < 0n ? "-" : ""}${written.slice(0, -digits)}.${written.slice(-digits)} ${currency}`;
}

/** An amount in units of its last digit. */
function smallest(amount, digits) {
  const [whole, part = ""] = amount.split(".");
  return BigInt(whole + part.padEnd(digits, "0"));
}

/** The moment of an ISO text in milliseconds, or null. */
export function instantOf(text) {
  return parsed(text)?.instant ?? null;
}

/** `asWritten`: its digits as if they were UTC; `instant`: the moment, null without an offset. */
function parsed(text) {
  const [, year, month, day, hour, minute, second, offset] = MOMENT.exec(text ?? "") ?? [];
  if (!year) return null;
  const asWritten = Date.UTC(year, month - 1, day, hour ?? 0, minute ?? 0, second ?? 0);
  const iso = new Date(asWritten).toISOString();
  if (!iso.startsWith(`${year}-${month}-${day}`)) return null;
  const shift = offset ? minutesOf(offset) : null;
  return {
    asWritten,
    hasTime: hour !== undefined,
    instant: shift === null ? null : asWritten - shift * 60_000,
  };
}

function minutesOf(offset) {
  if (offset === "Z") return 0;
  const [hours, minutes] = offset.slice(1).split(":").map(Number);
  return (offset[0] === "-" ? -1 : 1) * (hours * 60 + minutes);
}

const formats = new Map();

/** A format, made once: to make one takes as long as to use it a hundred times. */
function kept(Format, locale, options) {
  const key = JSON.stringify([Format.name, locale, options]);
  if (!formats.has(key)) formats.set(key, new Format(locale, options));
  return formats.get(key);
}

function canFormat(locale, timeZone) {
  try {
    kept(Intl.DateTimeFormat, locale, { timeZone });
    return typeof locale === "string" && locale !== "";
  } catch {
    return false;
  }
}
