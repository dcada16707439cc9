/** The look of the host on our page: its theme, its colours and fonts, its safe area. */

/** Take over what the host's context says; what it leaves out stays as theme.css has it. */
export function applyTheme(context) {
  const root = document.documentElement;
  if (context.theme === "light" || context.theme === "dark") root.dataset.theme = context.theme;
  for (const [name, value] of Object.entries(context.styles?.variables ?? {})) {
    if (isPlain(name, value)) root.style.setProperty(name, value);
  }
  for (const [side, value] of Object.entries(context.safeAreaInsets ?? {})) {
    if (/^(top|right|bottom|left)$/.test(side) && Number.isFinite(value)) {
      root.style.setProperty(`--safe-${side}`, `${value}px`);
    }
  }
}

/** A variable of the specification without anything that could load a file. */
function isPlain(name, value) {
  const isKnown = /^--(color|font|border|shadow)-[a-z0-9-]+$/.test(name);
  return isKnown && typeof value === "string" && !/url|image|[;{}\\@]/i.test(value);
}
