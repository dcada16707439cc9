/** Colours as `[red, green, blue, alpha]` of 0 to 255 and 0 to 1, and how well they are told apart. */

/** Words and functions that stand for something else than a colour, or may load a file. */
const NO_COLOR = /url|image|var\(|env\(|[;{}\\@]|^(inherit|initial|unset|revert|revert-layer|currentcolor)$/i;
const RGB = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/;
const SRGB = /^color\(srgb (\S+) (\S+) (\S+?)(?: \/ (\S+?))?\)$/;

/**
 * The colour that CSS text means under a colour scheme, or null where it means none.
 *
 * The browser reads it, so it may be written in any way: `light-dark()`, `oklch()`, a name.
 */
export function colorOf(text, scheme) {
  if (typeof text !== "string" || text.length > 200 || NO_COLOR.test(text.trim())) return null;
  const probe = document.createElement("span");
  probe.style.colorScheme = scheme;
  probe.style.color = text;
  if (!probe.style.color) return null;
  // Mixed with itself, a colour of any space is computed as one of sRGB.
  probe.style.color = `color-mix(in srgb, ${text}, ${text})`;
  document.documentElement.append(probe);
  const computed = getComputedStyle(probe).color;
  probe.remove();
  return parsed(computed);
}

function parsed(computed) {
  const plain = RGB.exec(computed);
  const parts = plain ?? SRGB.exec(computed);
  if (!parts) return null;
  const [red, green, blue, alpha] = parts.slice(1).map((part) => (part === undefined ? 1 : Number(part)));
  if (![red, green, blue, alpha].every(Number.isFinite)) return null;
  const most = plain ? 1 : 255;
  return [...[red, green, blue].map((part) => within(part * most, 255)), Math.min(Math.max(alpha, 0), 1)];
}

/** `#rrggbb` as a colour. */
export function hex(text) {
  return [...[1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)), 1];
}

/** A colour as CSS text. */
export function css([red, green, blue]) {
  return `rgb(${red}, ${green}, ${blue})`;
}

/** What is seen of a colour, which may be translucent, on an opaque one. */
export function over(color, ground) {
  return mixed(ground, color, color[3]);
}

/** The opaque colour so far on the way (0 to 1) from one to another. */
export function mixed(from, to, way) {
  return [...[0, 1, 2].map((i) => within(from[i] + (to[i] - from[i]) * way, 255)), 1];
}

/** The contrast ratio of WCAG 2 of two opaque colours, from 1 to 21. */
export function contrast(one, other) {
  const [darker, lighter] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** Whether white is read more easily on it than black. */
export function isDark(color) {
  return luminance(color) < 0.179;
}

function luminance(color) {
  const [red, green, blue] = color.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function within(value, most) {
  return Math.min(Math.max(Math.round(value), 0), most);
}
