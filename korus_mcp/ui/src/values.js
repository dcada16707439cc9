/** Values that somebody else sent, read leniently: what has another shape counts as not there. */

/** The objects of a list. */
export function listOf(value) {
  return Array.isArray(value) ? value.filter((row) => row !== null && typeof row === "object") : [];
}

/** An object, empty where there is none. */
export function objectOf(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
}
