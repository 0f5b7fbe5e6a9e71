// A live OpenClaw, as far as it touches a transcript: `node openclaw.mjs NODE_MODULES_DIR`, commands of
// session-commands.mjs.
//   {"open": {"path": P, "sessionId": S, "cwd": D}}  what an embedded run does to a session file before its first model
//                                                    call: repair it, open it, prepare the manager
//   {"appendToFile": {"path": P, "message": M}}      its file appender, under its own write lock
//
// OpenClaw's bundle hashes the names of its chunks and shortens its exports, so a function is looked for by the start of
// its chunk's name and by its own. The one step that is not exported is taken from the chunk's text; if a release no
// longer has it, the driver fails and says so, it never guesses.
import { promises as fs, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { serve } from "./session-commands.mjs";

const modules = process.argv[2];
const dist = path.join(modules, "openclaw", "dist");
const load = (file) => import(pathToFileURL(file).href);
const { SessionManager } = await load(path.join(modules, "@earendil-works", "pi-coding-agent", "dist", "index.js"));

function chunkWith(prefix, name) {
  for (const file of readdirSync(dist).filter((x) => x.startsWith(prefix) && x.endsWith(".js")).sort()) {
    const text = readFileSync(path.join(dist, file), "utf8");
    if (text.includes(`function ${name}(`)) return { file: path.join(dist, file), text };
  }
  throw new Error(`this OpenClaw has no function ${name} in ${prefix}*.js; the driver was written for 2026.5.18`);
}

async function exported(prefix, name) {
  const chunk = chunkWith(prefix, name);
  const found = Object.values(await load(chunk.file)).find((x) => typeof x === "function" && x.name === name);
  if (!found) throw new Error(`this OpenClaw does not export ${name}; the driver was written for 2026.5.18`);
  return found;
}

/** A top-level function of a chunk, evaluated alone; `needs` are the names that its text uses. */
function unexported(prefix, name, needs) {
  const { text } = chunkWith(prefix, name);
  const start = text.indexOf(`async function ${name}(`);
  const end = text.indexOf("\n}\n", start);
  if (start < 0 || end < 0) throw new Error(`the text of OpenClaw's ${name} could not be found`);
  return new Function(...Object.keys(needs), `return ${text.slice(start, end + 2)}`)(...Object.values(needs));
}

async function openForRun({ path: sessionFile, sessionId, cwd }) {
  const repair = await exported("selection-", "repairSessionFileIfNeeded");
  const prepare = unexported("selection-", "prepareSessionManagerForRun", { fs$1: fs });
  await repair({ sessionFile, debug: () => {}, warn: () => {} });
  const hadSessionFile = await fs.stat(sessionFile).then(() => true, () => false);
  const sessionManager = SessionManager.open(sessionFile);
  await prepare({ sessionManager, sessionFile, hadSessionFile, sessionId, cwd });
  return sessionManager;
}

await serve(openForRun, {
  appendToFile: async (_session, { path: transcriptPath, message }) => {
    const append = await exported("transcript-", "appendSessionTranscriptMessage");
    return (await append({ transcriptPath, message, config: {} })).messageId;
  },
});
