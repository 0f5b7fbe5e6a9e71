// Elements and text. Everything that a session says becomes text nodes here, and nothing else ever: no markup is made of a string.

/** What the page looks for at the moment, as an expression; null for nothing. */
let wanted = null;
/** Longer texts are cut until somebody asks for the rest. */
const SHOWN_MAX = 20000;
/** Addresses, and characters that would not be seen or that turn the direction of text. */
const SPECIAL =
  /(https?:\/\/[^\s<>"'`\u0000-\u0020\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+)|([\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}])/gu;

/** An element with a class, and a text if there is one. */
function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** Appends text; what is looked for in it is marked. */
function plain(node, text) {
  if (text === "") return;
  if (wanted === null) return void node.append(text);
  let from = 0;
  for (const found of text.matchAll(wanted)) {
    if (found[0] === "") continue;
    node.append(text.slice(from, found.index), make("mark", "", found[0]));
    from = found.index + found[0].length;
  }
  node.append(text.slice(from));
}

/** Appends an address as a link, if a browser reads it as one of the web. */
function address(node, text) {
  const end = /[).,;:!?\]}]*$/u.exec(text).index;
  let url = null;
  try {
    url = new URL(text.slice(0, end));
  } catch {
    // It only looks like one.
  }
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) return plain(node, text);
  const link = make("a");
  link.href = url.href;
  link.rel = "noopener noreferrer";
  link.target = "_blank";
  link.title = "opens " + url.host;
  plain(link, text.slice(0, end));
  node.append(link);
  plain(node, text.slice(end));
}

/** Appends a text of the session; addresses become links where that is wanted. */
function say(node, text, links) {
  let from = 0;
  for (const found of text.matchAll(SPECIAL)) {
    plain(node, text.slice(from, found.index));
    if (found[1] !== undefined) links ? address(node, found[1]) : plain(node, found[1]);
    else node.append(make("span", "steers", "U+" + found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0")));
    from = found.index + found[0].length;
  }
  plain(node, text.slice(from));
}

/** A block of text, cut where it is very long. */
function passage(tag, className, text) {
  const node = make(tag, className);
  node.dir = "auto";
  text = text.replaceAll("\r\n", "\n");
  if (text.length <= SHOWN_MAX) {
    say(node, text, true);
    return node;
  }
  let cut = SHOWN_MAX;
  // What is looked for is shown, wherever it stands.
  const found = wanted === null ? -1 : text.search(wanted);
  if (found >= cut) cut = Math.min(found + SHOWN_MAX, text.length);
  // Not between the halves of a character.
  if (/[\ud800-\udbff]/.test(text.charAt(cut - 1))) cut -= 1;
  say(node, text.slice(0, cut), true);
  const rest = button("show all " + grouped(text.length) + " characters", () => {
    rest.remove();
    say(node, text.slice(cut), true);
  });
  if (cut < text.length) node.append(rest);
  return node;
}

/** Words of somebody, with what stands between fences as code. */
function words(node, text) {
  let fence = null;
  let lines = [];
  const end = () => {
    const joined = lines.join("\n");
    if (joined.trim() !== "") node.append(passage(fence === null ? "div" : "pre", fence === null ? "prose" : "code", joined));
    lines = [];
  };
  for (const line of text.split("\n")) {
    const mark = /^\s*(`{3,}|~{3,})(.*)$/u.exec(line);
    if (fence === null && mark !== null) {
      end();
      fence = mark[1];
    } else if (fence !== null && mark !== null && mark[1].startsWith(fence) && mark[2].trim() === "") {
      end();
      fence = null;
    } else {
      lines.push(line);
    }
  }
  end();
}

function button(text, act) {
  const node = make("button", "", text);
  node.type = "button";
  node.addEventListener("click", act);
  return node;
}

/** Something that is folded: what is in it is made when it is opened. */
function fold(className, summary, isOpen, fill) {
  const node = make("details", className);
  const head = make("summary");
  say(head, summary);
  node.append(head);
  let filled = false;
  const open = () => {
    if (filled || !node.open) return;
    filled = true;
    fill(node);
  };
  node.addEventListener("toggle", open);
  node.open = isOpen;
  open();
  return node;
}

/** Whether what is looked for stands in the text. */
function holds(text) {
  return wanted !== null && text.search(wanted) >= 0;
}
