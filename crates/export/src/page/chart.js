// What the session took: tokens of each reply, the cost as it grew, and totals by model.

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [720, 110];
const BINS_MAX = 240;

function shape(tag, attributes, parent) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (parent) parent.append(node);
  return node;
}

function frame(title) {
  const svg = shape("svg", { viewBox: "0 0 " + WIDE + " " + (HIGH + 4), role: "img", "aria-label": title, class: "chart" });
  shape("title", {}, svg).textContent = title;
  shape("line", { x1: 0, y1: HIGH + 1, x2: WIDE, y2: HIGH + 1, class: "axis" }, svg);
  return svg;
}

/** Replies side by side; of many, several in a bar. */
function binsOf(replies) {
  const wide = Math.max(1, Math.ceil(replies.length / BINS_MAX));
  const bins = [];
  for (let at = 0; at < replies.length; at += wide) {
    const bin = { place: replies[at][0], replies: 0, input: 0, output: 0, read: 0, written: 0, cost: 0 };
    for (const [, used] of replies.slice(at, at + wide)) {
      bin.replies++;
      for (const name of ["input", "output", "read", "written", "cost"]) bin[name] += used[name] || 0;
    }
    bins.push(bin);
  }
  return bins;
}

function tokenChart(bins, goTo) {
  const most = Math.max(1, ...bins.map((bin) => bin.input + bin.output + bin.read + bin.written));
  const svg = frame("Tokens of each reply; at most " + grouped(most));
  const width = WIDE / Math.max(1, bins.length);
  bins.forEach((bin, at) => {
    const bar = shape("g", { class: "bar" }, svg);
    let base = HIGH;
    for (const name of ["read", "written", "input", "output"]) {
      const height = (bin[name] / most) * HIGH;
      base -= height;
      shape("rect", { x: at * width, y: base, width: Math.max(0.5, width - 0.5), height, class: "tokens-" + name }, bar);
    }
    const told = bin.replies === 1 ? iso(index.time[bin.place]) : grouped(bin.replies) + " replies";
    shape("title", {}, bar).textContent = told + ": " + tokensIn(bin);
    bar.addEventListener("click", () => goTo(bin.place));
  });
  return svg;
}

function costChart(bins) {
  let sum = 0;
  const sums = bins.map((bin) => (sum += bin.cost));
  const svg = frame("Cost over the session: " + dollars(sum));
  const width = WIDE / Math.max(1, bins.length);
  let drawn = "M0 " + HIGH;
  sums.forEach((value, at) => (drawn += "L" + (at + 1) * width + " " + (HIGH - (value / sum) * HIGH)));
  shape("path", { d: drawn + "L" + WIDE + " " + HIGH + "Z", class: "area" }, svg);
  shape("path", { d: drawn, class: "cost" }, svg);
  return svg;
}

function totalsTable(replies) {
  const models = new Map();
  const all = { replies: 0, input: 0, output: 0, read: 0, written: 0, cost: 0 };
  for (const [, used] of replies) {
    const model = models.get(used.model) || { replies: 0, input: 0, output: 0, read: 0, written: 0, cost: 0 };
    models.set(used.model, model);
    for (const sum of [model, all]) {
      sum.replies++;
      for (const name of ["input", "output", "read", "written", "cost"]) sum[name] += used[name] || 0;
    }
  }
  const table = make("table", "totals");
  const row = (tag, cells) => {
    const line = make("tr");
    for (const cell of cells) {
      const node = make(tag);
      say(node, cell);
      line.append(node);
    }
    table.append(line);
  };
  row("th", ["model", "replies", "input", "cache read", "cache written", "output", "cost"]);
  const told = (name, sum) => [
    name,
    ...[sum.replies, sum.input, sum.read, sum.written, sum.output].map(grouped),
    sum.cost ? dollars(sum.cost) : "\u2013",
  ];
  for (const [name, sum] of models) row("td", told(name || "?", sum));
  if (models.size !== 1) row("td", told("all", all));
  return { table, all };
}

/** Charts and totals, folded; null where no reply says what it took. */
function makeCharts(goTo) {
  const replies = [...usage];
  if (replies.length === 0) return null;
  const { table, all } = totalsTable(replies);
  const tokens = all.input + all.output + all.read + all.written;
  const said = grouped(tokens) + " tokens in " + grouped(all.replies) + (all.replies === 1 ? " reply" : " replies") + (all.cost ? ", " + dollars(all.cost) : "");
  return fold("charts", said, false, (node) => {
    const bins = binsOf(replies);
    const legend = make("p", "legend");
    for (const [name, text] of [["read", "cache read"], ["written", "cache written"], ["input", "input"], ["output", "output"]]) {
      legend.append(make("span", "swatch tokens-" + name), text + " ");
    }
    const charts = [tokenChart(bins, goTo), ...(all.cost > 0 ? [costChart(bins)] : [])];
    for (const chart of charts) node.append(make("p", "legend", chart.getAttribute("aria-label")), chart);
    node.append(legend, table);
  });
}
