// Charts: the numbers come from the page, the colours from its theme, the choices from the reader.
const charts = facts.charts.map((chart) => ({ ...chart, element: document.getElementById(`plot-${chart.id}`) }));
const ready = { plotly: false };

async function loadPlotly() {
  const script = document.createElement("script");
  script.textContent = await unpacked("plotly");
  document.head.append(script);
  ready.plotly = true;
}

const viewOf = (chart) => {
  const wanted = state.views[chart.section];
  return wanted in chart.views ? wanted : Object.keys(chart.views)[0];
};

const colourOf = (arm) => facts.arms[arm][isDark() ? "dark" : "light"];
const shownSeries = (chart) => chart.series.filter((one) => !state.hidden.arm.has(one.arm) && viewOf(chart) in one.points);
const faded = (colour) => `${colour}${isDark() ? "38" : "2b"}`;

function tracesOf(chart) {
  const traces = [];
  for (const one of shownSeries(chart)) {
    const points = one.points[viewOf(chart)];
    const look = facts.arms[one.arm];
    const colour = colourOf(one.arm);
    const line = { color: colour, dash: look.dash, width: 2 };
    if (chart.kind === "lines" && points.low) traces.push(bandOf(points, colour, look.name));
    const labels = points.x.map((_, at) => hoverOf(look.name, chart.views[viewOf(chart)], points, at));
    traces.push({
      type: "scatter", name: look.name, x: points.x, y: points.y, text: labels, hovertemplate: "%{text}<extra></extra>", cliponaxis: false,
      mode: chart.kind === "lines" ? "lines+markers" : "markers", line,
      marker: { color: colour, symbol: look.marker, size: chart.kind === "lines" ? markerSize(points.x.length) : 12 },
      error_y: chart.kind === "lines" ? undefined : errorOf(points.y, points.low, points.high, colour),
      error_x: errorOf(points.x, points.xlow, points.xhigh, colour),
    });
  }
  return traces;
}

const markerSize = (count) => (count > 40 ? 3 : count > 15 ? 5 : 7);

function hoverOf(name, view, points, at) {
  const between = points.low[at] === null ? "" : ` [${round(points.low[at])}, ${round(points.high[at])}]`;
  return escaped(`${name}\n${view.x.label}: ${round(points.x[at])}\n${view.y.label}: ${round(points.y[at])}${between}`).replaceAll("\n", "<br>");
}

const escaped = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

function bandOf(points, colour, name) {
  const kept = points.x.map((_, at) => at).filter((at) => points.low[at] !== null && points.high[at] !== null);
  const back = [...kept].reverse();
  return {
    type: "scatter", mode: "lines", fill: "toself", fillcolor: faded(colour), line: { width: 0, color: colour }, name,
    x: [...kept, ...back].map((at) => points.x[at]),
    y: [...kept.map((at) => points.high[at]), ...back.map((at) => points.low[at])],
    hoverinfo: "skip", showlegend: false,
  };
}

function errorOf(values, low, high, colour) {
  if (!low) return undefined;
  const span = (to, sign) => values.map((value, at) => (to[at] === null || value === null ? 0 : sign * (to[at] - value)));
  return { type: "data", symmetric: false, array: span(high, 1), arrayminus: span(low, -1), color: colour, thickness: 1.3, width: 3 };
}

function layoutOf(chart) {
  const style = getComputedStyle(document.body);
  const probe = (name) => {
    const box = document.getElementById("probe");
    box.style.color = `var(${name})`;
    return getComputedStyle(box).color;
  };
  const view = chart.views[viewOf(chart)];
  const grid = probe("--rule");
  const axis = (what) => ({
    title: { text: what.label, standoff: 8, font: { size: 13 } }, type: what.type, automargin: true, gridcolor: grid, linecolor: probe("--quiet"),
    zeroline: false, showline: true, ticks: "outside", tickcolor: probe("--quiet"), nticks: 8,
    ...(what.type === "log" ? { dtick: decades(chart) } : {}),
    ...(what.range ? { range: what.range } : { rangemode: what.from_zero ? "tozero" : "normal" }),
    ...(what.within && what.type === "linear" ? { autorangeoptions: { clipmin: what.within[0] ?? undefined, clipmax: what.within[1] ?? undefined } } : {}),
    ...(what.type === "category" ? { categoryorder: "array", categoryarray: what.order } : {}),
    ...(what.suffix ? { ticksuffix: what.suffix } : {}),
    ...(what.si ? { exponentformat: "SI" } : {}),
  });
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, hovermode: "closest",
    font: { family: probeFont(), size: 13, color: style.color },
    hoverlabel: { bgcolor: probe("--panel"), bordercolor: probe("--rule"), font: { color: style.color } },
    margin: { l: 56, r: 14, t: 10, b: 46 }, xaxis: axis(view.x), yaxis: axis(view.y),
    shapes: chart.level === null ? [] : [{ type: "line", xref: "paper", x0: 0, x1: 1, yref: "y", y0: chart.level, y1: chart.level, line: { color: probe("--quiet"), width: 1.5, dash: "dash" } }],
    annotations: chart.level === null ? [] : [{ text: "ordinary network", xref: "paper", x: 0, xanchor: "left", yref: "y", y: chart.level, yanchor: "top", showarrow: false, font: { size: 12, color: probe("--quiet") } }],
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
  };
}

const probeFont = () => getComputedStyle(document.querySelector(".side")).fontFamily;

// Plotly labels 2 and 5 without their decade; on wide axes decades alone are clearer.
function decades(chart) {
  const values = chart.series.flatMap((one) => one.points[viewOf(chart)]?.x ?? []).filter((value) => value > 0);
  return Math.max(...values) > 30 * Math.min(...values) ? 1 : "D2";
}

function drawChart(chart) {
  if (!ready.plotly || !chart.element) return;
  chart.element.classList.remove("waiting");
  if (!chart.drawn) chart.element.replaceChildren();
  chart.drawn = true;
  Plotly.react(chart.element, tracesOf(chart), layoutOf(chart), { responsive: true, displayModeBar: false, doubleClick: "reset" });
  const figure = chart.element.closest("figure");
  for (const entry of all(".legend li", figure)) entry.hidden = !shownSeries(chart).some((one) => String(one.arm) === entry.dataset.arm);
  const table = figure.querySelector(".data-of");
  if (table.open) fillData(chart, table);
}

// One after another, so that the page answers while it draws; hidden ones are drawn when they are shown.
let drawing = 0;
function drawAll() {
  const mine = ++drawing;
  const waiting = charts.filter((chart) => chart.element?.offsetParent);
  const next = () => {
    if (mine !== drawing) return;
    const chart = waiting.shift();
    root.dataset.drawn = String(ready.plotly && chart === undefined);
    if (!chart) return;
    drawChart(chart);
    setTimeout(next, 0);
  };
  root.dataset.drawn = "false";
  next();
}

function fillData(chart, details) {
  const view = chart.views[viewOf(chart)];
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  const cell = (row, text, tag = "td") => {
    const made = document.createElement(tag);
    made.textContent = text;
    if (tag === "th") made.scope = row.parentElement.tagName === "THEAD" ? "col" : "row";
    row.append(made);
  };
  table.createCaption().textContent = `${chart.name}: ${view.y.label} by ${view.x.label}`;
  for (const text of ["Arm", view.x.label, view.y.label, "95 % interval"]) cell(head, text, "th");
  const body = table.createTBody();
  for (const one of shownSeries(chart)) {
    const points = one.points[viewOf(chart)];
    points.x.forEach((x, at) => {
      const row = body.insertRow();
      cell(row, facts.arms[one.arm].name, "th");
      cell(row, round(x));
      cell(row, round(points.y[at]));
      cell(row, points.low && points.low[at] !== null ? `${round(points.low[at])} to ${round(points.high[at])}` : "not measured");
    });
  }
  details.querySelector(".scroll").replaceChildren(table);
}

const round = (value) => (value === null ? "not measured" : typeof value === "number" ? String(Number(value.toPrecision(4))) : value);

function saveChart(chart) {
  const figure = { data: tracesOf(chart), layout: { ...layoutOf(chart), showlegend: true, width: 800, height: 520, paper_bgcolor: getComputedStyle(document.body).backgroundColor, legend: { orientation: "h", y: -0.2 }, title: { text: chart.name } } };
  figure.layout.margin.t = 50;
  return Plotly.downloadImage(figure, { format: "svg", width: 800, height: 520, filename: chart.id });
}
