/** The element with this id; a page without it is broken, so say which one is missing. */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element with the id "${id}".`);
  return found;
}

/**
 * Makes an element. Children that are strings become text nodes: nothing that a stranger wrote is ever parsed as HTML,
 * so no other way to fill an element is offered here.
 */
export function make(tag, { class: className, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** A `time` element for milliseconds since the epoch. */
export function timeOf(at) {
  const date = new Date(at);
  return make("time", { datetime: date.toISOString() }, clock.format(date));
}

/** One or two letters on the colour of the name: everybody sees the same person in the same colour. */
export function paintAvatar(element, nickname) {
  const words = nickname.split(/[\s._-]+/u).filter(Boolean);
  const initials = words.length > 1 ? [words[0], words[words.length - 1]] : [nickname];
  // By code point: half an emoji is no letter.
  element.textContent = initials.map((word) => [...word][0] ?? "").join("");
  let hash = 0;
  for (const char of nickname) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  element.style.setProperty("--hue", String(hash % 360));
}

export function avatarOf(nickname) {
  const avatar = make("span", { class: "avatar", "aria-hidden": "true" });
  paintAvatar(avatar, nickname);
  return avatar;
}

/** "3 messages", "1 message" */
export const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;
