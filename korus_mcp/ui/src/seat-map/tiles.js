/** A schematic plan of zones whose place nobody told: tiles in rows, those of a category together. */

const [WIDTH, HEIGHT, GAP] = [150, 100, 12];
/** How much broader than high the whole is to be. */
const SHAPE = 1.6;

/** `{width, height, zones}`: the same zones in the same order, each with an outline and its middle. */
export function tiled(zones) {
  const columns = Math.max(1, Math.ceil(Math.sqrt((zones.length * SHAPE * HEIGHT) / WIDTH)));
  const places = new Map();
  let row = 0;
  for (const group of byCategory(zones)) {
    group.forEach((zone, i) => places.set(zone, [i % columns, row + Math.floor(i / columns)]));
    row += Math.ceil(group.length / columns);
  }
  return {
    width: columns * (WIDTH + GAP) + GAP,
    height: row * (HEIGHT + GAP) + GAP,
    zones: zones.map((zone) => ({ ...zone, ...tile(places.get(zone)), isSchematic: true })),
  };
}

/** The categories in the order in which they first come: that of their best zone. */
function byCategory(zones) {
  const groups = new Map();
  for (const zone of zones) {
    if (!groups.has(zone.category)) groups.set(zone.category, []);
    groups.get(zone.category).push(zone);
  }
  return groups.values();
}

function tile([column, row]) {
  const [left, top] = [GAP + column * (WIDTH + GAP), GAP + row * (HEIGHT + GAP)];
  const [right, bottom] = [left + WIDTH, top + HEIGHT];
  return {
    outlines: [[[left, top], [right, top], [right, bottom], [left, bottom]]],
    rooms: [[left, top, right, bottom]],
    at: [left + WIDTH / 2, top + HEIGHT / 2],
  };
}
