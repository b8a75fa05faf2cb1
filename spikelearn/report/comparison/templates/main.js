// Start: read the address, listen, draw.
function applyAll() {
  applyTheme();
  applyFilters();
  for (const select of all("select[data-view]")) {
    const wanted = state.views[select.dataset.view];
    select.value = [...select.options].some((option) => option.value === wanted) ? wanted : select.options[0].value;
  }
  drawAll();
}

function choiceChanged() {
  writeAddress();
  applyFilters();
  drawAll();
}

function startFilters() {
  for (const box of all(".filters input[type=checkbox]")) {
    box.addEventListener("change", () => {
      const kind = box.name === "data" ? "data" : "arm";
      for (const index of armsOf(box)) state.hidden[kind][box.checked ? "delete" : "add"](index);
      choiceChanged();
    });
  }
  document.getElementById("show-all").addEventListener("click", () => {
    state.hidden.arm.clear();
    state.hidden.data.clear();
    choiceChanged();
  });
  startFinding();
  for (const select of all("select[data-view]")) {
    select.addEventListener("change", () => {
      state.views[select.dataset.view] = select.value;
      writeAddress();
      drawAll();
    });
  }
  document.getElementById("theme").addEventListener("click", () => {
    state.theme = isDark() ? "light" : "dark";
    writeAddress();
    applyTheme();
    drawAll();
  });
}

function startFinding() { // the list of arms narrows to those found; "Only these" shows them alone
  const field = document.getElementById("find");
  if (!field) return;
  const labels = all(".filters label.arm");
  const found = (label) => label.textContent.toLowerCase().includes(field.value.trim().toLowerCase());
  field.addEventListener("input", () => {
    for (const label of labels) label.hidden = !found(label);
    for (const family of all(".family")) family.hidden = all("label.arm", family).every((label) => label.hidden);
  });
  const only = () => {
    for (const label of labels) {
      state.hidden.arm[found(label) ? "delete" : "add"](Number(label.querySelector("input").value));
    }
    choiceChanged();
  };
  document.getElementById("only").addEventListener("click", only);
  field.addEventListener("keydown", (event) => event.key === "Enter" && only());
}

function startLinks() { // the address keeps the choices, so links inside the page move without it
  for (const link of all('a[href^="#"]')) {
    link.addEventListener("click", (event) => {
      const target = document.getElementById(link.hash.slice(1));
      if (!target) return;
      event.preventDefault();
      target.scrollIntoView();
      target.focus({ preventScroll: true });
    });
  }
}

function startCharts() {
  for (const chart of charts) {
    const figure = chart.element?.closest("figure");
    figure?.querySelector(".data-of").addEventListener("toggle", (event) => event.target.open && fillData(chart, event.target));
    figure?.querySelector(".save").addEventListener("click", () => saveChart(chart));
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", applyAll);
  let before = null;
  let folded = [];
  addEventListener("beforeprint", () => {
    before = state.theme;
    state.theme = "light";
    folded = all("details:is(.folded, .more):not([open])");
    for (const details of folded) details.open = true;
    applyTheme();
    charts.forEach(drawChart);
  });
  addEventListener("afterprint", () => {
    state.theme = before;
    for (const details of folded) details.open = false;
    applyTheme();
    drawAll();
  });
}

readAddress();
addEventListener("hashchange", () => { readAddress(); applyAll(); applySorting(); });
for (const element of all(".needs-script")) element.hidden = false;
document.getElementById("filters").open = !matchMedia("(max-width: 60rem)").matches;
startFilters();
startLinks();
startTables();
startCharts();
applySorting();
applyAll();
loadPlotly().then(drawAll, (error) => {
  for (const chart of charts) chart.element.textContent = "This browser cannot unpack the charts; their numbers are below.";
  console.warn(error);
});
