// The data of the page: an index of all entries, and blocks of entries, each opened when somebody looks into it.

const index = JSON.parse(document.getElementById("index").textContent);
const blocks = document.querySelectorAll("script.entries");
const count = index.voice.length;
/** How many blocks stay open. */
const OPEN_MAX = 24;
const open = new Map();

/** The last place in a sorted list that is not above `value`. */
function lastUpTo(sorted, value) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The entries of one block. */
function block(number) {
  let entries = open.get(number);
  if (entries === undefined) {
    entries = JSON.parse(blocks[number].textContent);
    if (open.size >= OPEN_MAX) open.delete(open.keys().next().value);
  } else {
    open.delete(number);
  }
  open.set(number, entries);
  return entries;
}

/** The entry at a place. */
function entry(place) {
  const number = lastUpTo(index.chunks, place);
  return block(number)[place - index.chunks[number]];
}

const voiceOf = (place) => index.voices[index.voice[place]];
/** The place above, or -1. The program that wrote the page cut every circle. */
const parentOf = (place) => (index.up[place] === 0 ? -1 : place - index.up[place]);
const labels = new Map(index.labels);
const gaps = new Set(index.gaps);
/** place -> {model, input, output, read, written, cost} */
const usage = new Map(
  index.usage.map(([place, model, input, output, read, written, cost]) => [
    place,
    { model: index.models[model], input, output, read, written, cost },
  ]),
);

/** The first and the next child of each entry, in file order; -1 for none. */
const firstChild = new Int32Array(count).fill(-1);
const nextSibling = new Int32Array(count).fill(-1);
let firstRoot = -1;
for (let place = count - 1; place >= 0; place--) {
  const above = parentOf(place);
  if (above < 0) {
    nextSibling[place] = firstRoot;
    firstRoot = place;
  } else {
    nextSibling[place] = firstChild[above];
    firstChild[above] = place;
  }
}

/** The end of the newest branch that goes through a place. */
function leafBelow(place) {
  for (;;) {
    let child = firstChild[place];
    if (child < 0) return place;
    while (nextSibling[child] >= 0) child = nextSibling[child];
    place = child;
  }
}

/** The texts of an entry, for those who look for words. */
function textsOf(one) {
  const texts = [];
  for (const part of one.parts) {
    for (const name of ["text", "thinking", "command", "output", "name", "arguments", "json", "note"]) {
      if (part[name]) texts.push(part[name]);
    }
  }
  if (one.error) texts.push(one.error);
  return texts;
}

const iso = (time) => {
  const date = new Date(time);
  return time && !Number.isNaN(date.getTime()) ? date.toISOString().slice(0, 19).replace("T", " ") : "";
};
const grouped = (number) => number.toLocaleString("en-US");
const dollars = (cost) => "$" + (cost >= 1 ? cost.toFixed(2) : cost.toPrecision(2));
const sized = (bytes) =>
  bytes < 1024 ? bytes + " B" : bytes < 1048576 ? (bytes / 1024).toFixed(0) + " kB" : (bytes / 1048576).toFixed(1) + " MB";
