// Small tools for elements.

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement} the first of them, which has to be there
 */
export function one(selector, within = document) {
  const found = within.querySelector(selector);
  if (!found) throw new Error(`${selector} is missing`);
  return /** @type {HTMLElement} */ (found);
}

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {HTMLElement[]}
 */
export function all(selector, within = document) {
  return /** @type {HTMLElement[]} */ ([...within.querySelectorAll(selector)]);
}

/**
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null} the element that an event is about
 */
export function touched(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * Does something once, as soon as an element is seen: what is hidden at first asks for nothing.
 * @param {Element} element
 * @param {() => void} then
 */
export function onceSeen(element, then) {
  const eye = new IntersectionObserver(([entry]) => {
    if (!entry.isIntersecting) return;
    eye.disconnect();
    then();
  });
  eye.observe(element);
}

/**
 * @param {Element} parent
 * @param {string} tag
 * @param {string} [name] classes
 * @param {string} [content] text
 */
export function add(parent, tag, name = "", content = "") {
  const made = parent.appendChild(document.createElement(tag));
  if (name) made.className = name;
  if (content) made.textContent = content;
  return made;
}

/**
 * Writes a text only where it is another one: a screen reader reads what is written.
 * @param {Element} element
 * @param {string} words
 */
export function write(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/**
 * Hands a text to the visitor as a file.
 * @param {string} content
 * @param {string} type
 * @param {string} name
 */
export function download(content, type, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
