// Questions to the server.

/**
 * Asks one of a component's server functions. Gradio answers undefined where it got no answer, and
 * says so in the console only; Python's None is null.
 * @param {Given["server"]} server
 * @param {string} name
 * @param {unknown} [given]
 * @returns {Promise<any>}
 */
export async function ask(server, name, given = null) {
  const found = await server[name](given);
  if (found === undefined) throw new Error(`${name}: the server did not answer`);
  return found;
}
