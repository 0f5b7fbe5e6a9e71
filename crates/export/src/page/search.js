// Search in all entries of the page, a few at a time, so that typing is never held up.

/** How long one step may take, in milliseconds. */
const STEP = 25;

function makeSearch(goTo) {
  const bar = make("div", "search");
  bar.setAttribute("role", "search");
  const field = make("input");
  field.type = "search";
  field.placeholder = "search (press /)";
  field.setAttribute("aria-label", "Search in the session");
  const status = make("span", "status");
  status.setAttribute("role", "status");
  let places = [];
  let hits = 0;
  let at = -1;
  let round = 0;

  const tell = (isOver) => {
    if (wanted === null) return void (status.textContent = "");
    const found = grouped(hits) + (hits === 1 ? " hit in " : " hits in ");
    const entries = grouped(places.length) + (places.length === 1 ? " entry" : " entries");
    const where = at >= 0 ? ", at " + grouped(at + 1) : "";
    status.textContent = found + entries + where + (isOver ? "" : "\u2026");
  };

  const step = (place, own) => {
    if (own !== round) return;
    const end = performance.now() + STEP;
    while (place < count && performance.now() < end) {
      let here = 0;
      for (const text of textsOf(entry(place))) for (const _ of text.matchAll(wanted)) here++;
      if (here > 0) places.push(place);
      hits += here;
      place++;
    }
    if (at < 0 && places.length > 0) go(0);
    tell(place >= count);
    if (place < count) setTimeout(step, 0, place, own);
    else bar.dataset.over = "true";
  };

  const go = (to) => {
    if (places.length === 0) return;
    at = (to + places.length) % places.length;
    goTo(places[at]);
    tell(bar.dataset.over === "true");
  };

  const find = (text) => {
    round++;
    [places, hits, at] = [[], 0, -1];
    bar.dataset.over = "false";
    wanted = text === "" ? null : new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/gu, "\\$&"), "giu");
    tell(false);
    if (wanted === null) goTo(-1);
    else step(0, round);
  };

  let pause = 0;
  field.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(find, 150, field.value);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") go(at + (event.shiftKey ? -1 : 1));
    else if (event.key === "Escape") {
      field.value = "";
      find("");
    } else return;
    event.preventDefault();
  });
  const previous = button("\u2191", () => go(at - 1));
  previous.title = "previous entry with a hit (Shift+Enter)";
  const next = button("\u2193", () => go(at + 1));
  next.title = "next entry with a hit (Enter)";
  bar.append(field, previous, next, status);
  return {
    bar,
    focus: () => field.focus(),
    find(text) {
      field.value = text;
      find(text);
    },
    next: () => go(at + 1),
    previous: () => go(at - 1),
  };
}
