// One entry as it is shown: who, when, by which model, what was said, what was called and what came of it.

/** The first words of a text. */
function glimpse(text, most) {
  const line = text.slice(0, 4 * most).replace(/\s+/gu, " ").trim();
  return line.length > most ? line.slice(0, most) + "\u2026" : line;
}

/** An entry in a few words. */
function summaryOf(one) {
  const calls = one.parts.filter((part) => part.id !== undefined).map((part) => part.name);
  const said = textsOf({ parts: one.parts.filter((part) => part.id === undefined && part.thinking === undefined) });
  const image = one.parts.find((part) => part.image !== undefined);
  return glimpse([...said, ...calls].join(" "), 80) || (image ? image.image : one.kind);
}

/** What an entry is called: its voice, and what the file says beyond that. */
function callOf(place, one) {
  const voice = voiceOf(place);
  if (voice === "tool result" && one.tool) return one.tool;
  if (voice === "note" || voice === "extension") return voice + " (" + one.kind + ")";
  return voice;
}

function headOf(place, one) {
  const head = make("header");
  head.append(make("strong", "voice", ""));
  say(head.firstChild, callOf(place, one));
  const facts = [iso(index.time[place]), [one.provider, one.model].filter(Boolean).join("/")];
  const used = usage.get(place);
  if (used) facts.push(tokensIn(used));
  if (one.stop && one.stop !== "stop" && one.stop !== "toolUse") facts.push("stopped: " + one.stop);
  for (const fact of facts.filter(Boolean)) {
    const node = make("span", "fact");
    say(node, fact);
    head.append(node);
  }
  if (labels.has(place)) {
    const label = make("span", "label");
    say(label, labels.get(place));
    head.append(label);
  }
  if (place === index.head) head.append(make("span", "head", "head"));
  const id = make("span", "id");
  say(id, one.id);
  head.append(id);
  return head;
}

function tokensIn(used) {
  const cached = used.read + used.written;
  const tokens = grouped(used.input + cached) + " in" + (cached ? " (" + grouped(cached) + " cached)" : "");
  return tokens + ", " + grouped(used.output) + " out" + (used.cost ? ", " + dollars(used.cost) : "");
}

/** Output: at once where it is short, folded where it is not. */
function outputOf(text, className) {
  const isShort = text.length <= 1000 && text.split("\n").length <= 12;
  return fold(className, grouped(text.length) + " characters: " + glimpse(text, 80), isShort || holds(text), (node) =>
    node.append(passage("pre", "output", text)),
  );
}

/** What a tool was called with: an object field by field, since most are lines of a program. */
function argumentsOf(text) {
  const node = make("div", "arguments");
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    // It is shown as it was written.
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    node.append(passage("pre", "", text));
    return node;
  }
  for (const [name, field] of Object.entries(value)) {
    const line = make("div", "argument");
    const key = make("span", "key");
    say(key, name);
    line.append(key, passage("pre", "", typeof field === "string" ? field : JSON.stringify(field, null, 2)));
    node.append(line);
  }
  return node;
}

function callNode(part, outcome) {
  const node = make("section", "call");
  const name = make("div", "name");
  say(name, part.name || "?");
  node.append(name);
  if (part.arguments !== undefined) node.append(argumentsOf(part.arguments));
  if (outcome !== undefined) {
    const one = entry(outcome);
    const result = make("div", one.failed ? "result failed" : "result");
    result.dataset.place = outcome;
    result.append(make("span", "fact", one.failed ? "failed" : "answered"), make("span", "fact", iso(index.time[outcome])));
    for (const piece of one.parts) result.append(partNode(piece, "tool result"));
    node.append(result);
  } else {
    node.append(make("div", "fact", "no outcome stands on this branch"));
  }
  return node;
}

function imageNode(part) {
  const said = part.image + ", " + sized(part.bytes);
  if (part.data === undefined) return noteNode("An image, not shown here: " + said);
  const figure = make("figure");
  const image = make("img");
  image.src = "data:" + part.image + ";base64," + part.data;
  image.alt = said;
  image.loading = "lazy";
  const caption = make("figcaption");
  say(caption, said);
  figure.append(image, caption);
  return figure;
}

function noteNode(text) {
  const note = make("p", "note");
  say(note, text);
  return note;
}

function partNode(part, voice, outcomes) {
  if (part.text !== undefined) {
    const node = make("div", "text");
    words(node, part.text);
    return node;
  }
  if (part.thinking !== undefined) {
    if (part.thinking === "") return noteNode("Reasoning that the provider withheld.");
    return fold("thinking", "thinking: " + glimpse(part.thinking, 80), holds(part.thinking), (node) =>
      node.append(passage("div", "prose", part.thinking)),
    );
  }
  if (part.id !== undefined) return callNode(part, outcomes && outcomes.get(part.id));
  if (part.command !== undefined) return passage("pre", "command", "$ " + part.command);
  if (part.output !== undefined) return outputOf(part.output, "output");
  if (part.image !== undefined) return imageNode(part);
  if (part.json !== undefined) return outputOf(part.json, "json");
  if (part.leftOut !== undefined) return noteNode("Left out of this export: " + part.leftOut + ", " + sized(part.bytes));
  return noteNode(part.note === undefined ? "" : part.note);
}

/** The whole entry; `outcomes` are the places of the results of its calls. */
function entryNode(place, outcomes) {
  const one = entry(place);
  const voice = voiceOf(place);
  const node = make("article", "entry voice-" + index.voice[place]);
  node.dataset.place = place;
  node.tabIndex = -1;
  if (gaps.has(place)) node.append(make("p", "gap", "Entries are lost here, right above this one."));
  node.append(headOf(place, one));
  if (voice === "compaction") node.append(noteNode("What stands above was summed up here; from here on the model was shown the summary."));
  if (voice === "branch summary") node.append(noteNode("Another branch was left here; this sums it up."));
  for (const part of one.parts) node.append(partNode(part, voice, outcomes));
  if (one.error) node.append(passage("p", "error", one.error));
  return node;
}
