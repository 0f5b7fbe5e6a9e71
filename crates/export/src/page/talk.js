// The conversation on one branch. Only what is near is there: entries come and go as one scrolls, so that their number does not matter.

const NODES_MAX = 160;
/** What is made beyond what is seen, in pixels. */
const AHEAD = 1500;

function makeTalk(onSeen) {
  const pane = make("main", "talk");
  pane.tabIndex = 0;
  pane.setAttribute("aria-label", "The conversation");
  const slider = make("input", "position");
  slider.type = "range";
  slider.min = 0;
  slider.setAttribute("aria-label", "Where in the conversation");
  let path = [];
  const position = new Int32Array(count).fill(-1);
  /** The places of the branch that pass the filter. */
  let shown = [];
  let hidden = new Set(["note"]);
  let [from, to] = [0, 0];

  /** The results of an entry's calls: they stand right below it on the branch. */
  const outcomesOf = (place) => {
    const outcomes = new Map();
    for (let at = position[place] + 1; at > 0 && at < path.length; at++) {
      const voice = voiceOf(path[at]);
      if (voice === "tool result") outcomes.set(entry(path[at]).call, path[at]);
      else if (voice === "assistant" || voice === "user") break;
    }
    return outcomes;
  };

  /** The entry that shows a result with its call; -1 if it stands for itself. */
  const callerOf = (place) => {
    if (voiceOf(place) !== "tool result" || hidden.has("assistant")) return -1;
    const call = entry(place).call;
    for (let at = position[place] - 1; at >= 0; at--) {
      const voice = voiceOf(path[at]);
      if (voice === "assistant") {
        const calls = entry(path[at]).parts.some((part) => part.id !== undefined && part.id === call);
        return calls && outcomesOf(path[at]).get(call) === place ? path[at] : -1;
      }
      if (voice === "user") return -1;
    }
    return -1;
  };

  const nodeOf = (place) => {
    if (callerOf(place) >= 0) return null;
    return entryNode(place, voiceOf(place) === "assistant" && !hidden.has("tool result") ? outcomesOf(place) : undefined);
  };

  const below = () => {
    while (to < shown.length && pane.scrollHeight - pane.scrollTop - pane.clientHeight < AHEAD) {
      const node = nodeOf(shown[to++]);
      if (node) pane.append(node);
    }
  };

  const above = () => {
    while (from > 0 && pane.scrollTop < AHEAD / 2) {
      const node = nodeOf(shown[--from]);
      if (!node) continue;
      const before = pane.scrollHeight;
      pane.prepend(node);
      pane.scrollTop += pane.scrollHeight - before;
    }
  };

  const indexIn = (place) => {
    let [low, high] = [0, shown.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (position[shown[middle]] < position[place]) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  /** Takes away what is far from what is seen. */
  const trim = () => {
    while (pane.childElementCount > NODES_MAX) {
      const first = pane.firstElementChild;
      if (pane.scrollTop > pane.scrollHeight - pane.scrollTop) {
        const height = first.getBoundingClientRect().height;
        first.remove();
        from = indexIn(Number(pane.firstElementChild.dataset.place));
        pane.scrollTop -= height;
      } else {
        pane.lastElementChild.remove();
        to = indexIn(Number(pane.lastElementChild.dataset.place)) + 1;
      }
    }
  };

  const seen = () => {
    const top = pane.getBoundingClientRect().top;
    for (const node of pane.children) {
      if (node.getBoundingClientRect().bottom > top + 1) {
        const place = Number(node.dataset.place);
        slider.value = indexIn(place);
        return onSeen(place);
      }
    }
  };

  const startAt = (place, open) => {
    const caller = callerOf(place);
    [from, to] = [indexIn(caller >= 0 ? caller : place), indexIn(caller >= 0 ? caller : place)];
    pane.replaceChildren();
    pane.scrollTop = 0;
    below();
    const node = pane.querySelector('[data-place="' + place + '"]');
    above();
    if (!node) return;
    const target = (open && node.querySelector("mark")) || node;
    target.scrollIntoView({ block: target === node ? "start" : "center" });
    if (open) node.classList.add("here");
    slider.value = indexIn(caller >= 0 ? caller : place);
  };

  const filter = () => {
    shown = path.filter((place) => !hidden.has(voiceOf(place)));
    slider.max = Math.max(0, shown.length - 1);
  };

  pane.addEventListener("scroll", () => {
    above();
    below();
    trim();
    seen();
  });
  slider.addEventListener("input", () => shown.length > 0 && startAt(shown[Number(slider.value)], false));

  return {
    pane,
    slider,
    /** Shows the branch that ends with this entry. */
    show(leaf) {
      for (const place of path) position[place] = -1;
      path = [];
      for (let place = leaf; place >= 0; place = parentOf(place)) path.push(place);
      path.reverse();
      path.forEach((place, at) => (position[place] = at));
      filter();
    },
    goTo: startAt,
    isOnPath: (place) => position[place] >= 0,
    isHidden: (place) => hidden.has(voiceOf(place)),
    /** Shows or hides who speaks so. */
    permit(voice, is) {
      if (is) hidden.delete(voice);
      else hidden.add(voice);
      filter();
    },
    hides: (voice) => hidden.has(voice),
    first: () => (shown.length > 0 ? shown[0] : -1),
    last: () => (shown.length > 0 ? shown[shown.length - 1] : -1),
  };
}
