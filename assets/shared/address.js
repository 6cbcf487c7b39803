// Addresses of this page. What stands behind the # alone would be read against Gradio's <base>, and lose
// the ?room= in front of it.

/**
 * @param {string} hash without its #
 * @returns {string} this page's address with another hash
 */
export const withHash = (hash) => `${location.pathname}${location.search}#${hash}`;

/**
 * @param {string} href of a page, which may be in a room
 * @returns {string} the same outside of any room
 */
export function outside(href) {
  const address = new URL(href);
  address.searchParams.delete("room");
  return address.href;
}
