// The page put together: head, tree, conversation, and the keys.

let stopped = 0;
const page = document.getElementById("page");
document.addEventListener("securitypolicyviolation", () => {
  stopped++;
  document.documentElement.dataset.stopped = stopped;
});

const leaf = index.leaf === undefined ? leafBelow(Math.max(0, count - 1)) : index.leaf;
const active = new Set();
for (let place = count > 0 ? leaf : -1; place >= 0; place = parentOf(place)) active.add(place);

const tree = makeTree(active, (place) => choose(place));
const talk = makeTalk(() => {});
const search = makeSearch((place) => {
  if (place >= 0) choose(place);
  else if (talk.first() >= 0) talk.goTo(talk.first(), false);
});

/** Goes to an entry, on its own branch if it is not on the one that is shown. */
function choose(place) {
  if (!talk.isOnPath(place)) {
    talk.show(leafBelow(place));
    tree.onPath(talk.isOnPath);
  }
  if (talk.isHidden(place)) {
    talk.permit(voiceOf(place), true);
    drawFilters();
  }
  tree.select(place);
  talk.goTo(place, true);
}

const filters = make("div", "filters");
function drawFilters() {
  const present = index.voices.filter((_, number) => index.voice.includes(number));
  const boxes = present.map((voice) => {
    const label = make("label");
    const box = make("input");
    box.type = "checkbox";
    box.checked = !talk.hides(voice);
    box.addEventListener("change", () => {
      talk.permit(voice, box.checked);
      if (talk.first() >= 0) talk.goTo(talk.first(), false);
      else talk.pane.replaceChildren();
    });
    label.append(box, voice);
    return label;
  });
  filters.replaceChildren(...boxes);
}

function facts() {
  const line = make("p", "facts");
  const said = [];
  if (index.session) said.push("session " + index.session);
  if (index.started) said.push("began " + index.started);
  if (index.cwd) said.push("in " + index.cwd);
  if (index.parent) said.push("forked from " + index.parent);
  said.push(grouped(count) + (count === index.of ? "" : " of " + grouped(index.of)) + " entries");
  if (!index.all && count < index.of) said.push("other branches are not in this page");
  if (index.without) said.push("left out: " + index.without);
  if (index.damaged) said.push(grouped(index.damaged) + " lines of the session cannot be read");
  if (index.lost) said.push(grouped(index.lost) + " entries were changed while the page was written");
  say(line, said.join(" \u00b7 "));
  return line;
}

function keys(event) {
  const isTyping = event.target instanceof HTMLInputElement && event.target.type === "search";
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    "/": search.focus,
    n: search.next,
    N: search.previous,
    t: () => tree.pane.focus(),
    c: () => talk.pane.focus(),
    g: () => talk.first() >= 0 && talk.goTo(talk.first(), false),
    G: () => talk.last() >= 0 && talk.goTo(talk.last(), false),
  }[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
}

/** `#e=ID` goes to an entry, `#q=WORDS` looks for words, `#charts` opens the charts. */
function follow() {
  const asked = new URLSearchParams(location.hash.slice(1));
  if (asked.has("charts") && charts) charts.open = true;
  if (asked.has("q")) return void search.find(asked.get("q"));
  const id = asked.get("e");
  for (let place = 0; id !== null && place < count; place++) {
    if (entry(place).id === id) return choose(place);
  }
}

const head = make("header", "top");
const title = make("h1");
say(title, index.title);
const tools = make("div", "tools");
tools.append(search.bar, filters);
head.append(title, facts(), tools);
const charts = makeCharts((place) => choose(place));
if (charts) head.append(charts);
const keysLine = make("p", "keys", "keys: / search, n and N next and previous hit, t tree, c conversation, g start, G end");
head.append(keysLine);
const columns = make("div", "columns");
const side = make("div", "side");
side.append(talk.pane, talk.slider);
columns.append(tree.pane, side);
page.append(head, columns);
document.addEventListener("keydown", keys);
window.addEventListener("hashchange", follow);
window.addEventListener("resize", tree.draw);

if (count > 0) {
  talk.show(leaf);
  tree.onPath(talk.isOnPath);
  drawFilters();
  if (talk.first() >= 0) talk.goTo(talk.first(), false);
  tree.draw();
  follow();
} else {
  talk.pane.append(make("p", "note", "There is nothing on this branch."));
}
document.documentElement.dataset.ready = "true";
