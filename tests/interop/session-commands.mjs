// The conversation with a test: one JSON command a line on stdin, one JSON answer a line on stdout, in order.
//
// A driver stays alive between commands, so that a test decides when each step happens: a live peer with a stale leaf is
// a driver that has been told to open a file and has not been told anything since. What a peer answers is computed by the
// peer's own package; this file only carries it.
//
// An answer is {"ok": value} or {"error": message}; an error of one command does not end the driver. A line that is no
// command ends it, because then the test itself is wrong.
import { writeSync } from "node:fs";
import { createInterface } from "node:readline";

/** What anyone can compare: the shape of the golden `*.expected.json` files without the name of the package. */
export function inspect(session) {
  const labels = {};
  for (const entry of session.getEntries()) {
    const label = session.getLabel(entry.id);
    if (label !== undefined) labels[entry.id] = label;
  }
  return {
    leafId: session.getLeafId(),
    name: session.getSessionName() ?? null,
    labels,
    entryCount: session.getEntries().length,
    context: session.buildSessionContext(),
  };
}

/** The commands that every peer with a SessionManager understands; each gets the session and the value of its key. */
const ON_SESSION = {
  inspect,
  entries: (session) => session.getEntries(),
  activePath: (session) => session.getBranch().map((entry) => entry.id),
  append: (session, message) => session.appendMessage(message),
  rename: (session, name) => session.appendSessionInfo(name),
  label: (session, { targetId, label }) => session.appendLabelChange(targetId, label ?? undefined),
  header: (session) => session.getHeader(),
  fork: (session, leaf) => session.createBranchedSession(leaf),
  branch: (session, id) => (id === null ? session.resetLeaf() : session.branch(id), session.getLeafId()),
};

/**
 * Answers commands until stdin ends or `close` comes. `open(value)` gives the session to work on; `extra` holds the
 * commands of one peer alone and gets the same two arguments as the common ones (the session may be null there).
 */
export async function serve(open, extra = {}) {
  let session = null;
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const [name, value] = commandOf(line);
    if (name === "close") break;
    let answer;
    try {
      if (name === "open") {
        session = await open(value);
        answer = session.getLeafId();
      } else if (name in extra) {
        answer = await extra[name](session, value);
      } else if (session === null) {
        throw new Error(`nothing is open; send {"open": PATH} before "${name}"`);
      } else {
        answer = ON_SESSION[name](session, value);
      }
      say({ ok: answer ?? null });
    } catch (error) {
      say({ error: error instanceof Error ? error.message : String(error) });
    }
  }
  say({ ok: "closed" });
  // The packages may keep timers; nothing of ours is pending here.
  process.exit(0);

  function commandOf(line) {
    const pairs = Object.entries(JSON.parse(line));
    const known = (name) => name === "open" || name === "close" || name in extra || name in ON_SESSION;
    if (pairs.length !== 1 || !known(pairs[0][0])) throw new Error(`not a command: ${line}`);
    return pairs[0];
  }
}

// Written synchronously: an answer is out before the next command is read, and before process.exit.
function say(answer) {
  let rest = Buffer.from(JSON.stringify(answer) + "\n");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}
