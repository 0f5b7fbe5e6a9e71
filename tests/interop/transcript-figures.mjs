// What pi and OpenClaw take for a transcript: `node transcript-figures.mjs NODE_MODULES_DIR openclaw ASK` makes one
// measurement in this process and prints the answer as its last line. `ASK` and the names of the answer are those of
// `tests/measure/ask.rs`. Measured are the packages' own functions, called for the first time in this process: loading them,
// and a pause for what they put off while loading, come before.
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { exported, load, modules } from "./openclaw-bundle.mjs";

const ask = JSON.parse(process.argv[4]);
const LAST = 50;

const piSessions = async () => (await load(path.join(modules, "@earendil-works", "pi-coding-agent", "dist", "index.js"))).SessionManager;
const version = (name) => {
  const file = path.join(modules, name, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
};

const now = () => performance.now();
const settle = () => new Promise((done) => setTimeout(done, 300));
const quantile = (sorted, q) => {
  const at = (sorted.length - 1) * q;
  const [low, high] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return low + (high - low) * (at % 1);
};

/** Numbers of a file of /proc/self, by the names that stand before them. */
const kernel = (file, names) => {
  const text = readFileSync(`/proc/self/${file}`, "utf8");
  return names.map((name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, "m"))[1]));
};
const io = () => kernel("io", ["rchar", "wchar", "syscr", "syscw"]);
/** What was read and written since then, without what this look itself costs (which differs by a digit now and then). */
const ioSince = (before) => {
  const [middle, after] = [io(), io()];
  return middle.map((count, at) => Math.max(0, 2 * count - before[at] - after[at]));
};
const memory = () => kernel("status", ["VmRSS", "VmHWM"]).map((kibibytes) => kibibytes / 1024);
const forgetPeak = () => {
  const [resident] = memory();
  writeFileSync("/proc/self/clear_refs", "5");
  return resident;
};

async function appender({ who, file }) {
  if (who === "pi") {
    const session = (await piSessions()).open(file, path.dirname(file), "/home/dev/project");
    return (message) => session.appendMessage(message);
  }
  const append = await exported("transcript-", "appendSessionTranscriptMessage");
  return (message) => append({ transcriptPath: file, message, config: {} });
}

async function append({ who, file, messages, warmUp }) {
  const all = readFileSync(messages, "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));
  const one = await appender({ who, file });
  for (const message of all.splice(0, warmUp)) await one(message);
  await settle();
  const [size, counted] = [statSync(file).size, io()];
  const micros = [];
  const start = now();
  for (const message of all) {
    const before = now();
    await one(message);
    micros.push((now() - before) * 1e3);
  }
  const took = now() - start;
  const [read, written, reads, writes] = ioSince(counted).map((count) => count / all.length);
  micros.sort((a, b) => a - b);
  return {
    perSecond: (all.length / took) * 1e3, p50Us: quantile(micros, 0.5), p99Us: quantile(micros, 0.99),
    grown: (statSync(file).size - size) / all.length, read, written, reads, writes,
  };
}

/** Gives a function that opens the session once more: the session, then what is wanted of it. */
async function opener({ who, file, show }) {
  if (who === "pi") {
    const Sessions = await piSessions();
    return {
      open: () => Sessions.open(file),
      build: (session) => (show === "last" ? session.getEntries().slice(-LAST) : session.buildSessionContext().messages),
    };
  }
  if (who === "openclaw-state") {
    const read = await exported("context-engine-maintenance-", "readTranscriptFileState");
    return { open: () => read(file), build: (state) => state.buildSessionContext().messages };
  }
  const recent = await exported("session-utils.fs-", "readRecentSessionMessagesAsync");
  return { open: () => recent("s", undefined, file, { maxMessages: LAST }), build: (messages) => messages };
}

async function open({ who, file, show, again }) {
  const { open, build } = await opener({ who, file, show });
  const once = async () => {
    const start = now();
    const session = await open();
    const opened = now();
    const built = build(session);
    return { openMs: opened - start, buildMs: now() - opened, built, session };
  };
  await settle();
  const [before, counted] = [forgetPeak(), io()];
  const { openMs, buildMs, built } = await once();
  const [read] = ioSince(counted);
  const [, peakMib] = memory();
  const answer = { openMs, buildMs, ms: openMs + buildMs, items: built.length, read, moreMib: peakMib - before, peakMib };
  const more = [];
  for (let time = 0; time < again; time++) {
    const next = await once();
    more.push(next.openMs + next.buildMs);
  }
  more.sort((a, b) => a - b);
  return again ? { ...answer, againMs: quantile(more, 0.5) } : answer;
}

async function lister({ who, folder }) {
  if (who === "pi") {
    const Sessions = await piSessions();
    return () => Sessions.list("/home/dev/project", folder);
  }
  // OpenClaw's list is of its own index, which the benchmark writes beside the sessions.
  const list = await exported("session-utils-", "listSessionsFromStoreAsync");
  const loadStore = await exported("store-load-", "loadSessionStore");
  const storePath = path.join(folder, "sessions.json");
  return async () => {
    const store = loadStore(storePath, { skipCache: true });
    const opts = { limit: 100_000, includeDerivedTitles: true, includeLastMessage: false };
    return (await list({ cfg: {}, storePath, store, opts })).sessions;
  };
}

async function list({ who, folder }) {
  const once = await lister({ who, folder });
  await settle();
  const [before, counted, start] = [forgetPeak(), io(), now()];
  const sessions = await once();
  const ms = now() - start;
  const [read] = ioSince(counted);
  const [, peak] = memory();
  const second = now();
  await once();
  return { ms, againMs: now() - second, items: sessions.length, read, moreMib: peak - before };
}

/** Replaces messages in a session that nobody has open: OpenClaw's way, a new branch. */
async function rewrite({ file, replacements }) {
  const all = JSON.parse(readFileSync(replacements, "utf8"));
  const replace = await exported("context-engine-maintenance-", "rewriteTranscriptEntriesInSessionFile");
  await settle();
  const [before, counted, start] = [forgetPeak(), io(), now()];
  const done = await replace({ sessionFile: file, sessionId: "s", sessionKey: "agent:main:figures", request: { replacements: all }, config: {} });
  const ms = now() - start;
  const [read, written] = ioSince(counted);
  const [, peak] = memory();
  return { ms, items: done.rewrittenEntries, read, written, moreMib: peak - before, bytes: statSync(file).size };
}

const versions = () => ({ node: process.versions.node, openclaw: version("openclaw"), pi: version("@earendil-works/pi-coding-agent") });

const answer = await { append, open, rewrite, list, versions }[ask.measure](ask);
process.stdout.write(`${JSON.stringify(answer)}\n`, () => process.exit(0));
