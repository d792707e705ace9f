async function load() {
  const response = await fetch("./config.json");
  if (!response.ok) throw new Error(`./config.json answered ${response.status}.`);
  return response.json();
}

/** What the server says of itself, asked once: the client's `path`, and the number of the latest event when the page was loaded. */
export const config = load();
