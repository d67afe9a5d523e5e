// Plots, the choice of series, saving, printing, and sorting of the table.

const page = JSON.parse(document.getElementById("data").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)"), coarse = matchMedia("(pointer: coarse)");
const PRINT_WIDTH = 640, SAVED_WIDTH = 900, BLACK = "#000000", INK_ON_WHITE = "#1c2126";
const hidden = {};  // key of a figure: names of its hidden series
let printing = false;

function themed(light) {
  const style = getComputedStyle(document.documentElement), read = name => style.getPropertyValue(name).trim();
  const ink = light ? INK_ON_WHITE : read("--ink"), line = light ? "#c8cdd2" : read("--line");
  const axis = {gridcolor: line, zerolinecolor: line, linecolor: line};
  return {ink, axis, layout: {font: {color: ink, family: "system-ui, sans-serif", size: 12},
    paper_bgcolor: light ? "#ffffff" : "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: {bgcolor: read("--card"), bordercolor: read("--line"), align: "left", font: {color: read("--ink")}}}};
}

// Lines that a legend takes: names have about this many pixels for each character, and room for the symbol.
const LEGEND_LINE = 19, PER_CHARACTER = 6.4, PER_SYMBOL = 52;
function legendHeight(data, width) {
  const names = data.filter(trace => trace.showlegend !== false).map(trace => trace.name.length * PER_CHARACTER + PER_SYMBOL);
  const across = Math.max(1, Math.floor((width - 60) / Math.max(...names, 1)));  // columns are as wide as the widest name
  return names.length < 2 ? 0 : LEGEND_LINE * Math.ceil(names.length / across) + 6;
}

function picture(figure, panel, light, width) {
  const {ink, axis, layout: theme} = themed(light), bases = document.getElementById("base");
  const inked = value => value === BLACK ? ink : value;
  const data = panel.plot.data
    .filter(trace => !(hidden[figure.key] ?? new Set()).has(trace.legendgroup) && !(trace.meta === "base" && bases && !bases.checked))
    .map(trace => {
      const made = structuredClone(trace);
      // An outline in the text's colour, so that light colours stand out from the page too.
      if (made.marker) made.marker = {...made.marker, color: inked(made.marker.color), line: {color: inked(ink), width: 1}};
      if (made.marker && String(made.marker.symbol).endsWith("-open")) made.marker.line = {width: 1.4, color: made.marker.color};
      if (made.line) made.line.color = inked(made.line.color);
      for (const bar of ["error_x", "error_y"]) if (made[bar]) made[bar].color = trace.type === "bar" ? ink : inked(made[bar].color);
      made.textfont = {color: ink, size: 11};
      return made;
    });
  const layout = structuredClone(panel.plot.layout);
  layout.shapes.forEach(shape => { shape.line.color = ink; });
  const below = layout.showlegend ? legendHeight(panel.plot.data, width) : 0;
  layout.height += below;
  layout.margin.b += below;
  layout.dragmode = coarse.matches ? false : "zoom";  // on a touch screen a drag scrolls the page
  return {data, layout: {...layout, ...theme, xaxis: {...layout.xaxis, ...axis}, yaxis: {...layout.yaxis, ...axis}}};
}

function draw() {
  const settings = {displayModeBar: false, plotlyServerURL: "", responsive: !printing, showSendToCloud: false};
  page.figures.forEach(figure => figure.panels.forEach((panel, i) => {
    const place = document.getElementById(`${figure.key}-${i}`);
    const {data, layout} = picture(figure, panel, printing, printing ? PRINT_WIDTH : place.clientWidth);
    if (printing) layout.width = PRINT_WIDTH;
    // Beyond what a narrow screen needs for the names beside bars, nothing is given away.
    if (place.clientWidth < 480) layout.font.size = 10;
    Plotly.react(place, data, layout, settings);
  }));
}

function save(figure, number, format) {
  const {data, layout} = picture(figure, figure.panels[number], true, SAVED_WIDTH);
  const many = figure.panels.length > 1 ? "-" + (number + 1) : "";
  return Plotly.downloadImage({data, layout}, {format, width: SAVED_WIDTH, height: layout.height, scale: format === "png" ? 2 : 1,
    filename: figure.key + many});
}

function controls() {
  document.querySelectorAll("fieldset[data-figures]").forEach(set => set.addEventListener("change", event => {
    const input = event.target;
    if (!input.dataset.series) return draw();
    for (const key of set.dataset.figures.split(" ")) {
      hidden[key] ??= new Set();
      hidden[key][input.checked ? "delete" : "add"](input.dataset.series);
    }
    draw();
  }));
  document.querySelectorAll("button[data-save]").forEach(button => button.addEventListener("click", () => save(
    page.figures.find(one => one.key === button.dataset.figure), Number(button.dataset.panel), button.dataset.save)));
  document.querySelectorAll("button[data-all]").forEach(button => button.addEventListener("click", () => {
    const set = button.closest("fieldset"), on = button.dataset.all === "on";
    set.querySelectorAll("input[data-series]").forEach(input => {
      if (input.checked !== on) { input.checked = on; input.dispatchEvent(new Event("change", {bubbles: true})); }
    });
  }));
}

function sortable(table) {
  const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.firstElementChild?.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach(other => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const value = row => row.cells[column].dataset.value;
    const compare = (a, b) => (a === "") - (b === "") || (up ? 1 : -1) * a.localeCompare(b, "en", {numeric: true});
    const number = [...body.rows].every(row => value(row) === "" || !isNaN(value(row)));
    const ordered = [...body.rows].sort((a, b) => number && value(a) !== "" && value(b) !== ""
      ? (up ? 1 : -1) * (value(a) - value(b)) : compare(value(a), value(b)));
    body.append(...ordered);
  }));
}

async function start() {
  document.querySelectorAll("table.sortable").forEach(sortable);
  if (page.methods.length) await tokenView(page.methods, page.texts);
  if (page.figures.length) {
    const library = document.createElement("script");
    library.textContent = new TextDecoder().decode(await unpack(document.getElementById("plotly").textContent));
    document.head.append(library);
    draw();
    document.getElementById("js-plotly-tester")?.setAttribute("aria-hidden", "true");  // where plotly measures text
    controls();
    dark.addEventListener("change", draw);
    addEventListener("beforeprint", () => { printing = true; draw(); });
    addEventListener("afterprint", () => { printing = false; draw(); });
  }
  document.documentElement.dataset.ready = "yes";
}
start().catch(error => {
  document.documentElement.dataset.ready = "no";
  document.getElementById("trouble").textContent = "This browser cannot draw the plots or cut text here (" + error.message +
    "). All numbers are in the tables.";
});
