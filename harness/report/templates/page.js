"use strict";
// Sorting, filtering, comparing and the colours; without it the page still reads from top to bottom.
const $ = (selector) => document.querySelector(selector);
const facts = JSON.parse($("#facts").textContent);

// An element with attributes and children; strings become text, never markup.
function make(tag, attributes = {}, ...children) {
  const svg = ["svg", "rect", "path"].includes(tag);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/* Light and dark: as the system has it until the button is used. */
const dark = matchMedia("(prefers-color-scheme: dark)");
function remembered(theme) {
  try { // a browser may forbid a file to keep anything
    if (theme) localStorage.setItem("hemobench-theme", theme);
    return localStorage.getItem("hemobench-theme");
  } catch { return null; }
}
function isDark() { return (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark"; }
function show(theme) {
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  $("#theme").textContent = isDark() ? "Light colours" : "Dark colours";
}
show(remembered());
dark.addEventListener("change", () => show());
$("#theme").hidden = false;
$("#theme").addEventListener("click", () => show(remembered(isDark() ? "light" : "dark") ?? (isDark() ? "light" : "dark")));

/* The board: sort by the unrounded values in data-value; what has none stands last either way. */
const board = $("#board");
const rows = board ? [...board.tBodies[0].rows] : [];
function sortBy(header) {
  const column = header.cellIndex;
  const first = header.dataset.first; // the direction that puts the best on top
  const other = first === "ascending" ? "descending" : "ascending";
  const direction = header.getAttribute("aria-sort") === first ? other : first;
  for (const cell of board.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  const sign = direction === "ascending" ? 1 : -1;
  const value = (row) => row.cells[column].dataset.value ?? "";
  const text = header.dataset.kind === "text";
  rows.sort((a, b) => {
    const [one, two] = [value(a), value(b)];
    if (one === "" || two === "") return (one === "") - (two === "");
    return sign * (text ? one.localeCompare(two, "en", { numeric: true }) : one - two) || a.dataset.rank - b.dataset.rank;
  });
  board.tBodies[0].append(...rows);
  $("#said").textContent = `Sorted by ${header.textContent.trim()}, ${direction}.`;
}
function filter() {
  const wanted = $("#search").value.trim().toLowerCase();
  const weights = $("#weights").value;
  let left = 0;
  for (const row of rows) {
    const fits = (row.dataset.text.includes(wanted)) && (!weights || row.dataset.weights === weights)
      && (!$("#level").checked || row.dataset.level === "yes");
    row.hidden = !fits;
    left += fits;
  }
  $("#count").textContent = `${left} of ${rows.length} ${rows.length === 1 ? "entry" : "entries"}`;
  $("#none").hidden = left > 0;
}
if (board) {
  for (const header of board.tHead.rows[0].cells) {
    header.querySelector("button")?.addEventListener("click", () => sortBy(header));
  }
  for (const id of ["#search", "#weights", "#level"]) $(id).addEventListener("input", filter);
  filter(); // a browser may have kept what was typed
}

/* A link to an entry opens it. */
function open() {
  const entry = /^#entry-\d+$/.test(location.hash) && $(location.hash);
  if (!entry) return;
  entry.open = true;
  entry.scrollIntoView();
  entry.querySelector("summary").focus({ preventScroll: true });
}
addEventListener("hashchange", open);
document.addEventListener("click", (event) => { // the same link again changes no hash
  if (event.target.closest?.(`a[href="${CSS.escape(location.hash)}"]`)) open();
});
open();

/* Two entries on the same images. */
// The number in place `index` of base64 of little-endian numbers.
const unpacked = new Map();
function numberAt(text, index, read, bytes) {
  if (!unpacked.has(text)) {
    unpacked.set(text, new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer));
  }
  return unpacked.get(text)[read](index * bytes, true);
}
const percent = (share, digits = 1) => (100 * share).toFixed(digits);
const points = (share) => (share >= 0 ? "+" : "−") + Math.abs(100 * share).toFixed(1);
const p = (value) => (value < 0.0001 ? "< 0.0001" : value.toFixed(4));

function table(caption, head, body) {
  const cell = (content, number, scope) => {
    const attributes = number ? { class: "number" } : {};
    if (scope) attributes.scope = scope;
    const made = make(scope ? "th" : "td", attributes, content.shown ?? content);
    if (content.value !== undefined) made.dataset.value = content.value;
    return made;
  };
  return make("div", { class: "wide", tabindex: 0, role: "group", "aria-label": caption },
    make("table", {}, make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...head.map((text, i) => cell(text, i, "col")))),
      make("tbody", {}, ...body.map((row) => make("tr", {}, ...row.map((content, i) => cell(content, i, i ? "" : "row")))))));
}
// A bar to the right where the first entry is better, to the left where the second is.
function bar(share) {
  const width = Math.min(60, Math.abs(share) * 120);
  return make("svg", { viewBox: "0 0 120 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    make("path", { class: "rail", d: "M60 0V14" }),
    make("rect", { class: share >= 0 ? "more" : "less", x: share >= 0 ? 60 : 60 - width, y: 2, width, height: 10 }));
}
function parts(kind, where, names, one, other) {
  const body = [];
  names.forEach((name, i) => {
    if (!one[i] || !other[i] || !one[i][1]) return;
    const [a, b] = [one[i][0] / one[i][1], other[i][0] / other[i][1]];
    body.push([name, String(one[i][1]), percent(a), percent(b), points(a - b), { shown: bar(a - b) }]);
  });
  const made = table(`By ${kind}, ${where}`, [kind, "n", "first %", "second %", "points", "first − second"], body);
  for (const row of made.querySelectorAll("tr")) row.lastChild.className = "diff";
  return made;
}
function compare() {
  const [i, j] = [$("#one").selectedIndex, $("#two").selectedIndex];
  const [one, two] = [facts.entries[i], facts.entries[j]];
  if (i === j) {
    $("#comparison").replaceChildren(make("p", { id: "verdict" }, "Choose two different entries."));
    return;
  }
  const [first, last] = [Math.min(i, j), Math.max(i, j)];
  const place = first * (2 * facts.entries.length - first - 1) / 2 + last - first - 1;
  const body = facts.splits.map((split) => {
    const of = (kind, read, bytes) => numberAt(facts.pairs[kind][split.name], place, read, bytes);
    const counts = [of("gained", "getUint32", 4), of("lost", "getUint32", 4)];
    const limits = [of("low", "getInt16", 2) / 1000, of("high", "getInt16", 2) / 1000];
    const [gained, lost] = i < j ? counts : counts.reverse();
    const [low, high] = i < j ? limits : [-limits[1], -limits[0]];
    const [by, value] = [(gained - lost) / split.n, of("p", "getFloat32", 4)];
    return [
      split.title, percent(one.hits[split.name] / split.n), percent(two.hits[split.name] / split.n),
      { shown: `${points(by)} (${points(low)} to ${points(high)})`, value: [by, low, high].join(" ") },
      { shown: String(gained), value: gained }, { shown: String(lost), value: lost }, { shown: p(value), value },
    ];
  });
  const adjusted = numberAt(facts.pairs.adjusted, place, "getFloat64", 8);
  const ranking = facts.splits.find((split) => split.name === facts.by);
  const [better, worse] = one.rank < two.rank ? [one, two] : [two, one];
  const verdict = adjusted <= 0.05
    ? `${better.name} is significantly better than ${worse.name} by ${facts.metric} on the ${ranking.title} `
      + `(p ${adjusted < 0.0001 ? "" : "= "}${p(adjusted)}, Holm's correction for all pairs of this board).`
    : `${one.name} and ${two.name} are not significantly different by ${facts.metric} on the ${ranking.title} `
      + `(p = ${p(adjusted)}, Holm's correction for all pairs of this board).`;
  const said = make("p", { id: "verdict" }, verdict);
  said.dataset.adjusted = adjusted;
  $("#comparison").replaceChildren(
    said,
    table("Accuracy on the same images", ["images", "first %", "second %", "difference, points (95 %)", "only first right",
      "only second right", "exact p"], body),
    make("div", { class: "two" },
      parts("class", ranking.title, facts.classes, one.recalls, two.recalls),
      parts("corruption", facts.hidden, facts.families, one.families, two.families)));
}
if ($("#one")) {
  $("#two").selectedIndex = 1;
  for (const id of ["#one", "#two"]) $(id).addEventListener("change", compare);
  $("#swap").addEventListener("click", () => {
    [$("#one").selectedIndex, $("#two").selectedIndex] = [$("#two").selectedIndex, $("#one").selectedIndex];
    compare();
  });
  $("#chooser").hidden = false;
  $("#unscripted").hidden = true;
  compare();
}
