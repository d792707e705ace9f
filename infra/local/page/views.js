/** On a phone one view is shown at a time; on a wide screen all are there and the tabs are hidden. */
const tabs = () => document.querySelectorAll(".tabs button");

export function listenToTabs() {
  for (const tab of tabs()) tab.addEventListener("click", () => showView(tab.dataset.show));
  // What came while the tab of the browser was hidden counts as seen when it is looked at.
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) seen(document.body.dataset.view);
  });
}

export function showView(view) {
  document.body.dataset.view = view;
  for (const tab of tabs()) {
    if (tab.dataset.show === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  seen(view);
  if (view !== "chat") return;
  for (const log of document.querySelectorAll(".log")) log.scrollTop = log.scrollHeight;
}

const badgeOf = (view) => document.querySelector(`.tabs [data-show="${view}"] .badge`);

/** Something new is in a view. It counts on the tab unless the view is being looked at. */
export function countNews(view) {
  const badge = badgeOf(view);
  if (!badge) return;
  if (document.hidden || document.body.dataset.view !== view) {
    badge.textContent = String(Number(badge.textContent) + 1);
    badge.hidden = false;
  }
}

function seen(view) {
  const badge = badgeOf(view);
  if (!badge) return;
  badge.textContent = "";
  badge.hidden = true;
}
