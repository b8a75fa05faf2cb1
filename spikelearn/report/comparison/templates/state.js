// What the reader chose, kept in the part of the address after the #, so that a link shows the same view.
async function unpacked(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

const facts = JSON.parse(await unpacked("facts"));
const root = document.documentElement;
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const state = { hidden: { arm: new Set(), data: new Set() }, theme: null, views: {}, sort: {} };
const names = { arm: facts.arms.map((arm) => arm.name), data: facts.data };

function readAddress() {
  const found = new URLSearchParams(location.hash.slice(1));
  for (const kind of ["arm", "data"]) {
    state.hidden[kind] = new Set(found.getAll(`without-${kind}`).map((name) => names[kind].indexOf(name)));
  }
  state.theme = found.get("theme");
  state.views = {};
  state.sort = {};
  for (const [key, value] of found) {
    if (key.startsWith("view-")) state.views[key.slice(5)] = value;
    if (key.startsWith("sort-")) state.sort[key.slice(5)] = value;
  }
}

function writeAddress() {
  const chosen = new URLSearchParams();
  for (const kind of ["arm", "data"]) {
    for (const index of state.hidden[kind]) if (index >= 0) chosen.append(`without-${kind}`, names[kind][index]);
  }
  if (state.theme) chosen.set("theme", state.theme);
  for (const [key, value] of Object.entries(state.views)) chosen.set(`view-${key}`, value);
  for (const [key, value] of Object.entries(state.sort)) chosen.set(`sort-${key}`, value);
  const text = chosen.toString();
  history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
}

const isDark = () => (state.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";

function applyTheme() {
  if (state.theme) root.dataset.theme = state.theme;
  else delete root.dataset.theme;
  const button = document.getElementById("theme");
  button.setAttribute("aria-pressed", String(isDark()));
}

const isHidden = (element, kind) =>
  (element.dataset[kind] ?? "").split(" ").some((index) => index !== "" && state.hidden[kind].has(Number(index)));

const armsOf = (box) => box.value.split(" ").map(Number);

function applyFilters() {
  for (const element of all("main [data-arm], main [data-data]")) {
    element.hidden = isHidden(element, "arm") || isHidden(element, "data");
  }
  for (const box of all(".filters input:is([name=arm], [name=data])")) box.checked = !state.hidden[box.name].has(Number(box.value));
  for (const box of all(".filters input[name=family]")) {
    const shown = armsOf(box).filter((arm) => !state.hidden.arm.has(arm)).length;
    box.checked = shown > 0;
    box.indeterminate = shown > 0 && shown < armsOf(box).length;
  }
  for (const note of all(".nothing-left")) {
    note.hidden = all("tbody tr", note.parentElement).some((row) => !row.hidden);
  }
}
