"""What moves on the digest's page: filters, search, keys and marks; without it the page is whole, only
still.
"""

SCRIPT = r"""
"use strict";
(() => {
  const one = (selector) => document.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const items = all(".item");
  const folds = all("details.more");
  const parts = all("[data-part]");
  const chips = all(".chip");
  const [query, path, recipe, outcome] = ["#q", "#path", "#recipe", "#outcome"].map(one);
  const hideMarked = one("#hide-marked");
  const KEY = "lanectl-marks";
  let words = null;
  let marks = new Set();
  let current = null;

  // A page from a folder may have no store, or one that somebody else wrote.
  try { marks = new Set(JSON.parse(localStorage.getItem(KEY)) || []); } catch { marks = new Set(); }

  const isPressed = (button) => button.getAttribute("aria-pressed") === "true";
  const press = (button, on) => button.setAttribute("aria-pressed", String(on));
  const texts = () => (words ??= new Map(items.map((item) => [item, item.textContent.toLowerCase()])));

  function apply() {
    const severities = chips.filter(isPressed).map((chip) => chip.value);
    const asked = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    const where = path.value.trim().toLowerCase();
    const active = Boolean(severities.length || asked.length || where || recipe.value || outcome.value);
    const seen = new Map();
    let shown = 0;
    for (const item of items) {
      const { severity, recipe: from, outcome: end, path: place } = item.dataset;
      const fits = (!severities.length || severities.includes(severity))
        && (!recipe.value || from === recipe.value || (from || "").split("\n").includes(recipe.value))
        && (!outcome.value || end === outcome.value)
        && (!where || (place || "").toLowerCase().includes(where))
        && !(isPressed(hideMarked) && marks.has(item.dataset.id))
        && asked.every((word) => texts().get(item).includes(word));
      item.hidden = !fits;
      if (!fits) continue;
      shown += 1;
      for (let part = item.parentElement; part; part = part.parentElement) seen.set(part, true);
    }
    for (const fold of folds) {
      fold.hidden = !seen.has(fold);
      if (active && seen.has(fold)) { if (!fold.open) { fold.open = true; fold.dataset.opened = ""; } }
      else if ("opened" in fold.dataset) { fold.open = false; delete fold.dataset.opened; }
    }
    for (const part of parts) part.hidden = !seen.has(part);
    const [part, total] = [shown, items.length].map((count) => count.toLocaleString("en"));
    one("#shown").value = part === total ? `${total} in all` : `${part} of ${total}`;
    one("#none").hidden = shown > 0 || items.length === 0;
    one("#clear").hidden = !active;
  }

  function clear() {
    query.value = path.value = recipe.value = outcome.value = "";
    for (const chip of chips) press(chip, false);
    apply();
  }

  function reachable() {
    return items.filter((item) => !item.hidden && !item.closest("details.more:not([open])"));
  }

  function go(step) {
    const list = reachable();
    if (!list.length) return;
    const at = list.indexOf(current);
    const next = at < 0 && step < 0 ? list.length - 1 : Math.max(at + step, 0);
    current = list[Math.min(next, list.length - 1)];
    current.focus({ preventScroll: true });
    current.scrollIntoView({ block: "nearest" });
  }

  function paint(item) {
    const marked = marks.has(item.dataset.id);
    item.classList.toggle("marked", marked);
    const button = item.querySelector(".mark");
    if (button) press(button, marked);
  }

  function mark(item) {
    if (!item?.dataset.id) return;
    if (!marks.delete(item.dataset.id)) marks.add(item.dataset.id);
    try { localStorage.setItem(KEY, JSON.stringify([...marks])); } catch { /* kept while the page is open */ }
    paint(item);
    apply();
  }

  function toggle(item) {
    const details = item?.querySelector("details");
    if (details) details.open = !details.open;
    else item?.querySelector("a")?.click();
  }

  const keys = {
    j: () => go(1), k: () => go(-1), m: () => { mark(current); }, o: () => toggle(current),
    "/": () => { query.focus(); query.select(); }, "?": () => one("#keys").showModal(), Escape: clear,
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || one("#keys").open) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") { event.target.value = ""; event.target.blur(); apply(); }
      return;
    }
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  document.addEventListener("focusin", (event) => { current = event.target.closest(".item") || current; });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (event.target.closest(".item")) current = event.target.closest(".item");
    if (!button) return;
    if (button.matches(".chip, #hide-marked")) {
      press(button, !isPressed(button));
      apply();
    } else if (button.matches(".mark")) mark(button.closest(".item"));
    else if (button.matches("#clear")) clear();
    else if (button.matches("#help")) one("#keys").showModal();
    else if (button.matches("#close")) one("#keys").close();
  });
  for (const field of [query, path, recipe, outcome]) field.addEventListener("input", apply);

  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const details of closed) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of closed) details.open = false; });

  for (const item of items) paint(item);
  for (const hidden of all(".scripted")) hidden.hidden = false;
  apply();
})();
"""
