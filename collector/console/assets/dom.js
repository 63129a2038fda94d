// Drawing with text nodes and attributes only, and only where something changed.
// @ts-check

/**
 * @param {string} tag
 * @param {string} [className]
 * @param {readonly (Node | string)[]} [children] a string becomes a text node, whatever it holds
 */
export function element(tag, className = "", children = []) {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.append(...children);
  return made;
}

/** The page's own element of that id. @param {string} id */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** @param {Element} target @param {string} text */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** @param {Element} target @param {string} className */
export function setClass(target, className) {
  if (target.className !== className) target.className = className;
}

/** @param {Element} target @param {string} name @param {string} value */
export function setAttribute(target, name, value) {
  if (target.getAttribute(name) !== value) target.setAttribute(name, value);
}

/** @param {HTMLElement} target @param {boolean} hidden */
export function setHidden(target, hidden) {
  if (target.hidden !== hidden) target.hidden = hidden;
}

/** Only a web address becomes one: a runbook comes from configuration. @param {Element} link @param {string} address */
export function setAddress(link, address) {
  if (!/^https?:\/\//.test(address)) {
    link.removeAttribute("href");
    return;
  }
  setAttribute(link, "href", address);
  setAttribute(link, "rel", "noreferrer");
}

/**
 * @template Item
 * @template {{ readonly root: Element }} Row
 * @typedef {object} Kind
 * @property {(item: Item) => string} key
 * @property {(item: Item) => Row} make
 * @property {(row: Row, item: Item) => void} update
 */

/** The rows of each list by key. @type {WeakMap<Element, Map<string, any>>} */
const lists = new WeakMap();

/**
 * Makes the list's children those of the items, in their order: rows are kept by key, moved only when out of place.
 * @template Item
 * @template {{ readonly root: Element }} Row
 * @param {Element} list
 * @param {readonly Item[]} items
 * @param {Kind<Item, Row>} kind
 */
export function drawEach(list, items, kind) {
  const wanted = new Map(items.map((item) => [kind.key(item), item]));
  /** @type {Map<string, Row>} */
  const rows = lists.get(list) ?? new Map();
  for (const [key, row] of rows) {
    if (wanted.has(key)) continue;
    row.root.remove();
    rows.delete(key);
  }
  let place = list.firstElementChild;
  for (const [key, item] of wanted) {
    const row = rows.get(key) ?? kind.make(item);
    rows.set(key, row);
    kind.update(row, item);
    if (row.root === place) place = place.nextElementSibling;
    else list.insertBefore(row.root, place);
  }
  lists.set(list, rows);
}

/** Empties a list, so that its rows are made anew. @param {Element} list */
export function forgetRows(list) {
  lists.delete(list);
  list.replaceChildren();
}
