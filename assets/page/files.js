// What the page asks the server for by itself: files, and routes beside the page.

/**
 * @param {string} path what Python gave for a file
 * @returns {string} where it is served, behind whatever proxy and under whatever path
 */
export function address(path) {
  const { api_prefix: prefix = "/gradio_api" } = window.gradio_config ?? {};
  return route(`${prefix.replace(/^\//, "")}/file=${path}`);
}

/**
 * @param {string} name of a route beside the page
 * @returns {string} where it is served, likewise
 */
export function route(name) {
  const { root = "" } = window.gradio_config ?? {};
  return `${root.replace(/\/$/, "")}/${name}`;
}

/** @type {Promise<void> | null} */
let plotting = null;

/**
 * Fetches plotly.js, which is 5 MB: whoever draws first does so, for all.
 * @param {string} path
 * @returns {Promise<void>}
 */
export function plotly(path) {
  plotting ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address(path);
    script.onload = () => resolve();
    script.onerror = () => {
      plotting = null;
      reject(new Error("plotly.js did not arrive"));
    };
    document.head.append(script);
  });
  return plotting;
}
