/** The clocks of holds: when each ends by this device, and what is said on the way. */

import { instantOf } from "./writing.js";

/** Seconds before the end at which a screen reader hears about it. */
export const SAID_AT = [300, 60];
/** How much earlier the device may see the end before the page asks whether the answer is old. */
const TOLERANCE = 30_000;
/** From which gap on it has to be told, when nobody answered that question. */
export const TOLD_FROM = 120_000;

/**
 * When a hold ends, in milliseconds by this device's clock: `{at, gap}`, or null.
 *
 * `seconds_left` corrects a device whose clock is wrong, as long as the answer is new. A host that
 * shows a conversation again hands over an old answer: the end by the device's clock is then much
 * earlier, by `gap`. The earlier one counts until the page has asked (`isFresh`), since a hold that
 * is over must not look like one that goes on.
 */
export function endOf(hold, arrivedAt, isFresh) {
  if (hold.state !== "held") return null;
  const byDevice = instantOf(hold.expiresAt);
  const byServer = hold.secondsLeft === null ? null : arrivedAt + hold.secondsLeft * 1000;
  if (byServer === null) return byDevice === null ? null : { at: byDevice, gap: 0 };
  if (byDevice === null || isFresh || byServer - byDevice <= TOLERANCE) {
    return { at: byServer, gap: 0 };
  }
  return { at: byDevice, gap: byServer - byDevice };
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
