// The tree: every entry in a line. The branch that is active goes straight down; what left it is indented, and stands before what went on.

const ROW = 22;
/** Browsers know no taller element than some 30 million pixels. */
const TALLEST = 15000000;
const DEPTH_MAX = 20;

/** The entries in the order of the tree, and how far each is indented. */
function orderOf(active) {
  const order = new Int32Array(count);
  const depths = new Uint8Array(count);
  let filled = 0;
  const waiting = [];
  const unfold = (first, depth) => {
    if (first < 0) return;
    const siblings = [];
    for (let place = first; place >= 0; place = nextSibling[place]) siblings.push(place);
    const straight = siblings.find((place) => active.has(place)) ?? siblings[siblings.length - 1];
    waiting.push([straight, depth]);
    for (let at = siblings.length - 1; at >= 0; at--) {
      if (siblings[at] !== straight) waiting.push([siblings[at], Math.min(depth + 1, DEPTH_MAX)]);
    }
  };
  unfold(firstRoot, 0);
  while (waiting.length > 0) {
    const [place, depth] = waiting.pop();
    depths[filled] = depth;
    order[filled++] = place;
    unfold(firstChild[place], depth);
  }
  return { order, depths };
}

function makeTree(active, choose) {
  const { order, depths } = orderOf(active);
  const lineOf = new Int32Array(count);
  order.forEach((place, line) => (lineOf[place] = line));
  const pane = make("nav", "tree");
  pane.tabIndex = 0;
  pane.setAttribute("role", "tree");
  pane.setAttribute("aria-label", "The tree of the session");
  const sheet = make("div", "sheet");
  sheet.setAttribute("role", "presentation");
  const height = Math.min(count * ROW, TALLEST);
  sheet.style.height = height + "px";
  pane.append(sheet);
  let selected = -1;
  let isOnPath = () => true;

  /** Very long trees are taller than an element may be: then a pixel is more than its share of lines. */
  const topLine = () => {
    const room = height - pane.clientHeight;
    if (height === count * ROW || room <= 0) return Math.floor(pane.scrollTop / ROW);
    return Math.floor((pane.scrollTop / room) * Math.max(0, count - Math.floor(pane.clientHeight / ROW)));
  };

  const lineNode = (line, top) => {
    const place = order[line];
    const one = entry(place);
    const node = make("div", "line voice-" + index.voice[place]);
    node.id = "line-" + line;
    node.setAttribute("role", "treeitem");
    node.setAttribute("aria-level", depths[line] + 1);
    node.setAttribute("aria-selected", place === selected);
    if (!isOnPath(place)) node.classList.add("aside");
    node.dataset.place = place;
    node.style.top = top + "px";
    node.style.paddingLeft = 8 + 14 * depths[line] + "px";
    node.append(make("span", "dot", isOnPath(place) ? "\u25cf" : "\u25cb"));
    if (gaps.has(place)) node.append(make("span", "gap", "gap"));
    const text = make("span", "words");
    say(text, callOf(place, one) + ": " + summaryOf(one));
    node.append(text);
    if (labels.has(place)) {
      const label = make("span", "label");
      say(label, labels.get(place));
      node.append(label);
    }
    if (place === index.head) node.append(make("span", "head", "head"));
    return node;
  };

  const draw = () => {
    const first = Math.max(0, topLine());
    const most = Math.ceil((pane.clientHeight || 800) / ROW) + 2;
    const nodes = [];
    const base = height === count * ROW ? first * ROW : pane.scrollTop;
    for (let line = first; line < Math.min(count, first + most); line++) nodes.push(lineNode(line, base + (line - first) * ROW));
    sheet.replaceChildren(...nodes);
    pane.setAttribute("aria-activedescendant", selected < 0 ? "" : "line-" + lineOf[selected]);
  };

  const select = (place) => {
    selected = place;
    const line = lineOf[place];
    const lines = Math.floor((pane.clientHeight || 800) / ROW);
    const top = topLine();
    if (line < top || line >= top + lines - 1) {
      const wish = Math.max(0, line - Math.floor(lines / 2));
      const room = height - pane.clientHeight;
      pane.scrollTop = height === count * ROW ? wish * ROW : (wish / Math.max(1, count - lines)) * room;
    }
    draw();
  };

  pane.addEventListener("scroll", draw);
  pane.addEventListener("click", (event) => {
    const line = event.target.closest(".line");
    if (line) choose(Number(line.dataset.place));
  });
  pane.addEventListener("keydown", (event) => {
    const at = selected < 0 ? 0 : lineOf[selected];
    const lines = Math.max(1, Math.floor(pane.clientHeight / ROW) - 1);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + lines, PageUp: at - lines, Home: 0, End: count - 1 }[event.key];
    if (to !== undefined && count > 0) select(order[Math.min(count - 1, Math.max(0, to))]);
    else if ((event.key === "Enter" || event.key === " ") && selected >= 0) choose(selected);
    else return;
    event.preventDefault();
  });
  return { pane, draw, select, onPath: (is) => ((isOnPath = is), draw()) };
}
