/** How much room the host gives a page: what its context says of its container. */

import { objectOf } from "./values.js";

/** In a conversation a page is no higher than this, whatever more its host would give. */
const MOST_INLINE = 500;
/** With less than this nothing is laid out for it: the page scrolls. */
const LEAST = 300;

/**
 * `{height, told, width}` in pixels: how high the page is laid out, how high it may be in the end, and
 * how wide it should be where that is the page's to say. Each is null where there is no such limit.
 */
export function roomOf({ displayMode, containerDimensions }, preferredWidth) {
  const { height, maxHeight, width, maxWidth } = objectOf(containerDimensions);
  const isWidthOurs = isSize(maxWidth) && !isSize(width);
  const most = isSize(height) ? height : Math.min(MOST_INLINE, isSize(maxHeight) ? maxHeight : MOST_INLINE);
  const isWhole = displayMode === "fullscreen";
  return {
    height: isWhole ? null : Math.max(most, LEAST),
    told: isWhole ? null : most,
    isWhole,
    width: isWidthOurs ? Math.min(maxWidth, preferredWidth) : null,
  };
}

/** Keep the document itself within its room: some hosts read its height, and none needs to be told. */
export function keepWithin({ told, width, isWhole }) {
  const root = document.documentElement;
  root.classList.toggle("whole", isWhole);
  root.classList.toggle("limited", told !== null);
  root.style.maxHeight = told === null ? "" : `${told}px`;
  root.style.maxWidth = width === null ? "" : `${width}px`;
}

function isSize(value) {
  return Number.isFinite(value) && value > 0;
}
