/** Elements made without markup: third-party text goes into text nodes and attributes only. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element: `h("button", { class: "plain", onclick: go }, "Text", otherElement)`.
 *
 * Properties beginning with "on" are listeners; true and false switch an attribute; null and
 * undefined leave it, or a child, out. All else becomes text.
 */
export function h(name, properties, ...children) {
  return filled(document.createElement(name), properties, children);
}

/** The same for an SVG element. */
export function svg(name, properties, ...children) {
  return filled(document.createElementNS(SVG, name), properties, children);
}

/** Put these children in place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter(isThere));
  return element;
}

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (isThere(value)) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter(isThere));
  return element;
}

function isThere(value) {
  return value !== null && value !== undefined && value !== false;
}
