/** The clocks of holds: when each ends by this device, and what is said on the way. */

import { instantOf } from "../writing.js";

/** Seconds before the end at which a screen reader hears about it. */
export const SAID_AT = [300, 60];
/** From which gap on an answer that the host handed over counts as old, in milliseconds. */
export const OLD_FROM = 30_000;
/** From which gap on it has to be told, when nobody answered that question. */
export const TOLD_FROM = 120_000;

/**
 * When a hold ends, in milliseconds by this device's clock: `{at, gap}`, or null.
 *
 * `expires_at` tells it by the device's clock, `seconds_left` from the moment the server answered.
 * An answer the page asked for was made between `askedAt` and `arrivedAt`, which corrects a device
 * whose clock is wrong. One the host handed over (`askedAt` null) may be of any age: a conversation
 * that is shown again. The earliest end that is possible counts, since a hold that is over must not
 * look like one that goes on; `gap` is how much later it would be if such an answer were new.
 */
export function endOf(hold, arrivedAt, askedAt) {
  if (hold.state !== "held") return null;
  const byDevice = instantOf(hold.expiresAt);
  if (hold.secondsLeft === null) return byDevice === null ? null : { at: byDevice, gap: 0 };
  const left = hold.secondsLeft * 1000;
  const latest = arrivedAt + left;
  const soonest = askedAt === null ? -Infinity : askedAt + left;
  const at = byDevice === null ? latest : Math.min(latest, Math.max(byDevice, soonest));
  return { at, gap: askedAt === null ? latest - at : 0 };
}

/** Whole seconds until then, 0 when it is over. */
export function secondsUntil(at, now) {
  return Math.max(0, Math.ceil((at - now) / 1000));
}

/** The mark that was passed between two looks at the clock, the latest of them; null for none. */
export function passed(before, after) {
  if (before === null || before <= after) return null;
  return [0, ...SAID_AT].sort((a, b) => a - b).find((mark) => before > mark && after <= mark) ?? null;
}
