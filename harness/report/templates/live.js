"use strict";
// A page that is served takes in new scores: it asks which version the server shows, and loads itself anew when that is
// another one. What the reader has sorted, filtered, chosen and opened, and the place where he reads, are found again.
(() => {
  const EVERY = 2000; // ms between questions
  const QUIET = 1500; // ms without a touch, after which nobody is typing
  const KEY = "hemobench-live";
  const line = document.querySelector("#live");
  const { version, since } = line.dataset;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const time = (when) => new Date(when).toLocaleTimeString("en-GB");

  function say(text, trouble) {
    const said = line.querySelector("span");
    if (said.textContent === text) return; // else it would be read aloud at each question
    said.textContent = text;
    line.classList.toggle("trouble", trouble);
  }

  /* The view of the page, by names that hold in the next one. */
  const entries = () => all("details.entry").map((entry) => entry.id);
  const fields = () => all("input[id], select[id]");
  const folds = () => all("details").map((fold) => [fold, fold.id || `${fold.closest("[id]")?.id}/${fold.querySelector("summary").textContent}`]);
  const wides = () => all(".wide[aria-label]").map((wide) => [wide, wide.getAttribute("aria-label")]);
  function nameOf(element) {
    if (element.id) return `#${element.id}`;
    if (element.matches("#board tbody a")) return `#board a[href="${element.getAttribute("href")}"]`;
    if (element.matches("details[id] > summary")) return `#${element.parentElement.id} > summary`;
    if (element.matches("#board thead button")) return `#board th:nth-child(${element.parentElement.cellIndex + 1}) button`;
    return null;
  }
  function view() {
    const head = document.querySelector("#board [aria-sort]");
    const focused = document.activeElement;
    const first = all("h2[id], details.entry, #board tbody a").find((each) => each.getBoundingClientRect().bottom > 0);
    return {
      version,
      entries: entries(),
      fields: fields().map((field) => [field.id, field.type === "checkbox" ? field.checked : field.value]),
      sorted: head && [head.textContent.trim(), head.getAttribute("aria-sort")],
      open: folds().filter(([fold]) => fold.open).map(([, name]) => name),
      wide: wides().filter(([wide]) => wide.scrollLeft).map(([wide, name]) => [name, wide.scrollLeft]),
      focus: focused === document.body ? null : nameOf(focused),
      ring: focused.matches(":focus-visible"),
      caret: focused.type === "search" ? [focused.selectionStart, focused.selectionEnd] : null,
      first: scrollY && first ? [nameOf(first), first.getBoundingClientRect().top] : null,
    };
  }
  function restore(before) {
    for (const [id, value] of before.fields) {
      const field = document.getElementById(id);
      if (!field) continue;
      if (field.type === "checkbox") field.checked = value;
      else if (field.tagName !== "SELECT" || [...field.options].some((option) => option.value === value)) field.value = value;
      for (const kind of ["input", "change"]) field.dispatchEvent(new Event(kind, { bubbles: true }));
    }
    const head = before.sorted && all("#board th").find((each) => each.textContent.trim() === before.sorted[0]);
    for (let presses = 0; head && presses < 2 && head.getAttribute("aria-sort") !== before.sorted[1]; presses++) {
      head.querySelector("button").click();
    }
    const said = document.querySelector("#said");
    if (said) said.textContent = ""; // the reader did not sort now
    for (const [fold, name] of folds()) fold.open = before.open.includes(name);
    const lefts = new Map(before.wide);
    for (const [wide, name] of wides()) wide.scrollLeft = lefts.get(name) ?? 0;
    const focused = before.focus && document.querySelector(before.focus);
    if (focused) focused.focus({ preventScroll: true, focusVisible: before.ring });
    else document.activeElement.blur?.();
    if (focused && before.caret) focused.setSelectionRange(...before.caret);
    scrollBack(before);
  }
  // What stood first in the window stands there again, also where rows have come in above it.
  function scrollBack(before) {
    const first = before.first && document.querySelector(before.first[0]);
    if (first) scrollBy({ top: first.getBoundingClientRect().top - before.first[1], behavior: "instant" });
    else if (!before.first) scrollTo({ top: 0, behavior: "instant" });
  }
  function stored(value) {
    try { // a browser may forbid to keep anything
      if (value) sessionStorage.setItem(KEY, JSON.stringify(value));
      return JSON.parse(sessionStorage.getItem(KEY));
    } catch { return null; }
  }
  // Which entries are new, by name, and marked where they stand.
  function news(before) {
    const fresh = entries().filter((id) => !before.entries.includes(id));
    const links = fresh.map((id) => document.querySelector(`#board a[href="#${id}"]`)).filter(Boolean);
    for (const link of links) link.closest("tr").classList.add("fresh");
    const names = links.slice(0, 3).map((link) => link.textContent);
    if (links.length > 3) names.push(`${links.length - 3} more`);
    return names.length ? ` New: ${names.join(", ")}.` : "";
  }

  let standing = `Live: the board of ${time(since)}.`;
  const before = stored();
  if (before && performance.getEntriesByType("navigation")[0]?.type === "reload") {
    restore(before);
    // Once more when all has its place, and the browser has gone where the address points.
    addEventListener("load", () => requestAnimationFrame(() => scrollBack(before)));
    if (before.version !== version) standing = `Updated at ${time(since)}.${before.version ? news(before) : ""}`;
  }
  history.scrollRestoration = "manual";
  addEventListener("pagehide", () => stored(view()));

  let touched = -QUIET;
  for (const kind of ["keydown", "input", "pointerdown", "wheel", "touchmove"]) {
    addEventListener(kind, () => { touched = performance.now(); }, { capture: true, passive: true });
  }
  let gone = null;
  async function ask() {
    try {
      const state = await (await fetch("state", { signal: AbortSignal.timeout(5000) })).json();
      gone = null;
      if (state.version !== version) {
        if (performance.now() - touched >= QUIET) return location.reload();
        say("The board has changed; it is shown when you pause.", false);
      } else if (state.trouble) {
        say(`${since ? `Shown is the board of ${time(since)}. ` : ""}${state.trouble}`, true);
      } else {
        say(standing, false);
      }
    } catch {
      gone ??= new Date();
      say(`The server has not answered since ${time(gone)}; this page goes on asking.${since ? ` Shown is the board of ${time(since)}.` : ""}`, true);
    }
    return setTimeout(ask, EVERY);
  }
  setTimeout(ask, 200); // at once what changed on the way, and a line that is read aloud
})();
