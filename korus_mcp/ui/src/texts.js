/** English and French: the words all pages share, and texts of somebody else made fit to show. */

const SHARED = {
  en: {
    waiting: "Waiting for the assistant…",
    silent: "The host of this page does not answer. What it already sent is shown; nothing can be asked from here.",
    refused: "The host of this page refused the connection. Ask the assistant in words instead.",
    cancelled: "The call was cancelled.",
    failed: "That did not work. Ask the assistant in words instead.",
    pages: "Pages",
    page_back: "Previous page",
    page_on: "Next page",
    page_of: "Page {page} of {pages}",
    left: { one: "{count} left", other: "{count} left" },
    sold_out: "sold out",
  },
  fr: {
    waiting: "En attente de l’assistant…",
    silent: "L’hôte de cette page ne répond pas. Ce qu’il a déjà envoyé est affiché ; rien ne peut être demandé d’ici.",
    refused: "L’hôte de cette page a refusé la connexion. Demandez plutôt à l’assistant.",
    cancelled: "L’appel a été annulé.",
    failed: "Cela n’a pas fonctionné. Demandez plutôt à l’assistant.",
    pages: "Pages",
    page_back: "Page précédente",
    page_on: "Page suivante",
    page_of: "Page {page} sur {pages}",
    left: { one: "{count} place restante", other: "{count} places restantes" },
    sold_out: "complet",
  },
};

/** Invisible characters but the two joiners, which Persian, Indic scripts and emoji are written with. */
const UNSEEN = /(?![\u200c\u200d])\p{Cf}/gu;

/** A text of somebody else on one line, without controls and direction overrides. */
export function clean(value, most = 80) {
  if (typeof value !== "string") return "";
  // What nobody will see is not worth a look: a text may be of megabytes.
  const line = spaced(value.slice(0, 4 * most).replace(UNSEEN, ""));
  const letters = [...line];
  return letters.length > most ? `${spaced(letters.slice(0, most - 1).join(""))}…` : line;
}

/** The same of several lines, which stay. */
export function cleanLines(text, most) {
  return text.slice(0, most).replace(UNSEEN, "").replace(/[^\P{Cc}\n\t]/gu, "");
}

/** One space between words, and no joiner at the edge of one. */
function spaced(text) {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replace(/(^| )[\u200c\u200d]+/g, "$1")
    .replace(/[\u200c\u200d]+(?= |$)/g, "")
    .replace(/ +/g, " ")
    .trim();
}

/** "fr" or "en": the first of the candidates ("fr-CH", null, ...) that names one of the two. */
export function languageOf(...candidates) {
  const known = candidates.map((c) => String(c ?? "").slice(0, 2).toLowerCase());
  return known.find((language) => language in SHARED) ?? "en";
}

/**
 * `t(key, values)` in a language. `table` is `{en: {...}, fr: {...}}` of the page's own words.
 *
 * A word is a string with `{name}` in it, or `{one, other}`, chosen by `values.count`.
 */
export function translator(language, table) {
  const words = { ...SHARED[language], ...table?.[language] };
  const plural = new Intl.PluralRules(language);
  return (key, values = {}) => {
    const word = words[key];
    const text = typeof word === "string" ? word : word[plural.select(values.count) === "one" ? "one" : "other"];
    return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
  };
}
