/** The look of the host on our page: its theme, its colours and fonts, its safe area. */

import { paletteOf } from "./palette.js";

/** What is taken over as it is; of colours see palette.js. */
const PLAIN = ["--font-sans", "--font-mono", "--border-radius-lg"];
const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Take over what the host's context says; where it says nothing the reader's own preference counts. */
export function applyTheme({ theme, styles, safeAreaInsets }) {
  const root = document.documentElement;
  const told = theme === "light" || theme === "dark" ? theme : undefined;
  const variables = styles?.variables ?? {};
  const { scheme, colors } = paletteOf({ variables, theme: told, prefersDark: DARK.matches });
  root.dataset.theme = scheme;
  // Browsers leave a page transparent only in a frame of the same scheme, which is the host's word.
  root.style.colorScheme = told ?? scheme;
  document.body.style.colorScheme = scheme;
  for (const [name, color] of Object.entries(colors)) root.style.setProperty(`--${name}`, color);
  for (const name of PLAIN) {
    if (isPlain(variables[name])) root.style.setProperty(name, variables[name]);
    else root.style.removeProperty(name);
  }
  for (const [side, value] of Object.entries(safeAreaInsets ?? {})) {
    if (/^(top|right|bottom|left)$/.test(side) && Number.isFinite(value)) {
      root.style.setProperty(`--safe-${side}`, `${value}px`);
    }
  }
}

/** Call when the reader's own preference changes. */
export function onPreference(changed) {
  DARK.addEventListener("change", changed);
}

/** A value without anything that could load a file. */
function isPlain(value) {
  return typeof value === "string" && !/url|image|[;{}\\@]/i.test(value);
}
