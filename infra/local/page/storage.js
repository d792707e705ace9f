/**
 * What the browser keeps. `area` is a function that returns the storage, since already to name it throws where it is forbidden.
 * A page without works as long as it is open.
 */
export function recall(area, key) {
  try {
    return area().getItem(key) ?? "";
  } catch {
    return "";
  }
}

export function remember(area, key, text) {
  try {
    area().setItem(key, text);
  } catch {
    // Full or forbidden: then it is as long as the page lives.
  }
}

/** A list that was remembered as JSON; an empty one where there is none. */
export function recallList(area, key) {
  try {
    const stored = JSON.parse(recall(area, key));
    return Array.isArray(stored) ? stored : [];
  } catch {
    return [];
  }
}
