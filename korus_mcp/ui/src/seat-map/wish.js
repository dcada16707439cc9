/** What the person asks of a zone: how many seats, at what price; and the steps of prices. */

const STEPS = 6;

/**
 * Whether one of the offers it is compared by seats so many at no more than `most` (an amount, or
 * null) each; where not all are listed, the zone's lowest price and what it has left stand for the others.
 */
export function fits(zone, { quantity, most }) {
  if (!zone.isOnSale || !holds(zone, quantity)) return false;
  const isListed = zone.offers.length > 0 && !zone.isCut;
  const compared = comparedOf(zone);
  if (zone.offers.length && !compared.length) return false;
  const offers = isListed ? compared : [...compared, { price: zone.from, left: zone.left }];
  return offers.some((offer) => isWithin(offer, most) && hasRoom(offer, quantity));
}

/** The offers by which a zone is compared with others: not those of another price type. */
export function comparedOf({ offers }) {
  return offers.filter((offer) => !offer.isBeside);
}

/** Whether an offer costs no more. */
export function isWithin(offer, most) {
  return most === null || offer.price === null || Number(offer.price) <= Number(most);
}

/** Whether a zone has places for so many, as far as the map says. */
export function holds({ places }, quantity) {
  return places === undefined || places >= quantity;
}

/** What is left of a stock in a zone: never more than it has places; undefined without a limit. */
export function atMost({ places }, left) {
  return left === undefined || places === undefined ? left : Math.min(left, places);
}

/** Whether an offer seats so many, as far as it says. */
export function hasRoom(offer, quantity) {
  return offer.left === undefined || offer.left >= quantity;
}

/** All prices at which a zone begins or an offer is sold, from the lowest. */
export function pricesOf(zones) {
  const prices = zones.filter((z) => z.isOnSale).flatMap((z) => [z.from, ...comparedOf(z).map((o) => o.price)]);
  const amounts = new Map(prices.filter((p) => p !== null).map((p) => [Number(p), p]));
  return [...amounts.keys()].sort((a, b) => a - b).map((amount) => amounts.get(amount));
}

/**
 * Steps of price, cheapest first: `{low, high, shade}`, at most six, of about as many prices each.
 *
 * `shade` (0 to 5) is the colour of the ramp; few steps lie far apart on it.
 */
export function stepsOf(zones) {
  const begin = zones.filter((z) => z.isOnSale && z.from !== null).map((z) => ({ ...z, offers: [] }));
  const prices = pricesOf(begin);
  const count = Math.min(STEPS, prices.length);
  return Array.from({ length: count }, (_, i) => ({
    low: prices[Math.floor((i * prices.length) / count)],
    high: prices[Math.floor(((i + 1) * prices.length) / count) - 1],
    shade: count === 1 ? 3 : Math.round((i * (STEPS - 1)) / (count - 1)),
  }));
}

/** The step a zone is drawn in, or undefined without a price. */
export function stepOf(zone, steps) {
  if (!zone.isOnSale || zone.from === null) return undefined;
  return steps.find((step) => Number(zone.from) <= Number(step.high)) ?? steps.at(-1);
}

/** An amount so many times: "45.50" x 2 is "91.00". */
export function times(amount, quantity) {
  const [whole, part = ""] = amount.split(".");
  const units = String(BigInt(whole + part) * BigInt(quantity)).padStart(part.length + 1, "0");
  return part ? `${units.slice(0, -part.length)}.${units.slice(-part.length)}` : units;
}
