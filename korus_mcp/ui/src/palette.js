/**
 * The colours of a page, made of those its host gives and of ours.
 *
 * A host may give any of the variables and leave out others, and its colours may go with each other or
 * not. The page itself is transparent: it lies on what the host paints. So a colour of the host is taken
 * where text in it can be read on all that it stands on, and else the next one that can.
 */

import { colorOf, contrast, css, hex, isDark, mixed, over } from "./colors.js";

const TEXT = 4.5;
const MARK = 3;
const BLACK = hex("#000000");
const WHITE = hex("#ffffff");
const OWN = {
  light: {
    ground: hex("#ffffff"),
    other: hex("#ededeb"),
    ink: hex("#16191d"),
    soft: hex("#555d69"),
    accent: hex("#0b57d0"),
    good: hex("#0d652d"),
    bad: hex("#a50e0e"),
  },
  dark: {
    ground: hex("#15181c"),
    other: hex("#303030"),
    ink: hex("#eef0f3"),
    soft: hex("#a9b1bc"),
    accent: hex("#a8c7fa"),
    good: hex("#6dd58c"),
    bad: hex("#f2b8b5"),
  },
};

/**
 * `{scheme, colors}`: "light" or "dark", and CSS text by the name of the page's own variable.
 *
 * `variables` are those of the host, `theme` is its word ("light", "dark" or none), `prefersDark` the
 * reader's own preference, which counts where the host says nothing.
 */
export function paletteOf({ variables = {}, theme, prefersDark }) {
  const told = theme ?? (prefersDark ? "dark" : "light");
  const scheme = schemeOf(variables, theme, told);
  const own = OWN[scheme];
  const given = (name) => colorOf(variables[`--color-${name}`], told);
  const painted = given("background-primary");
  const ground = painted ? over(painted, OWN[told].ground) : own.ground;
  // Where the host does not say what it paints, it may be lighter or darker than ours.
  const under = painted ? [ground] : [ground, own.other];
  const onGround = (name) => {
    const color = given(name);
    return color && over(color, ground);
  };
  const { ink, panel } = inkAndPanel(under, [onGround("text-primary"), own.ink], onGround("background-secondary"));
  const grounds = [...under, panel];
  const text = (...colors) => [...colors, ink].find((color) => color && isClear(color, grounds, TEXT));
  const accent = text(own.accent);
  const colors = {
    bg: ground,
    "bg-soft": panel,
    ink,
    "ink-soft": text(onGround("text-secondary"), own.soft, mixed(ink, ground, 0.25)),
    line: onGround("border-primary") ?? mixed(ground, ink, 0.18),
    edge: mixed(ground, ink, 0.6),
    "edge-soft": mixed(ground, ink, 0.45),
    accent,
    "on-accent": [ground, BLACK, WHITE].find((color) => isClear(color, [accent], TEXT)),
    ring: [own.accent, ink].find((color) => isClear(color, grounds, MARK)),
    good: text(own.good),
    bad: text(own.bad),
  };
  return { scheme, colors: Object.fromEntries(Object.entries(colors).map(([name, color]) => [name, css(color)])) };
}

/** Light or dark by what lies under the page, as far as the host says it: its ground, its word, its text. */
function schemeOf(variables, theme, told) {
  const ground = colorOf(variables["--color-background-primary"], told);
  if (ground && ground[3] > 0.5) return isDark(over(ground, OWN[told].ground)) ? "dark" : "light";
  if (theme) return theme;
  const text = colorOf(variables["--color-text-primary"], told);
  return text ? (isDark(text) ? "light" : "dark") : told;
}

/** The first text and panel that go with each other and with what lies under; black or white go with any. */
function inkAndPanel(under, inks, given) {
  const [ground] = under;
  for (const ink of [...inks, BLACK, WHITE]) {
    const panels = ink ? [given, mixed(ground, ink, 0.05), ground] : [];
    const panel = panels.find((each) => each && isClear(ink, [...under, each], TEXT));
    if (panel) return { ink, panel };
  }
  throw new RangeError("no colour can be read on this ground");
}

function isClear(color, grounds, least) {
  return grounds.every((ground) => contrast(color, ground) >= least);
}
