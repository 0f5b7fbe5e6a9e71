// A live OpenClaw, as far as it touches a transcript: `node openclaw.mjs NODE_MODULES_DIR openclaw`, commands of
// session-commands.mjs. The word `openclaw` is there for OpenClaw itself, which takes locks from owners without it.
//   {"open": {"path": P, "sessionId": S, "cwd": D}}  what an embedded run does to a session file before its first model
//                                                    call: repair it, open it, prepare the manager
//   {"appendToFile": {"path": P, "message": M}}      its file appender, under its own write lock
//   {"mirror": {"path": P, "scope": S, "messages": [{"identity": I, "message": M}]}}
//                                                    its mirror of a Codex app-server's thread; without I by content
//   {"lock": {"path": P, "timeoutMs": N}}            its write lock on a file, kept until
//   {"unlock": true}                                 gives back what was locked last
//   {"cleanLocks": {"dir": D, "staleMs": N}}         what its gateway does to a folder's lock files when it starts
//
// Its functions are found as openclaw-bundle.mjs says. What is not exported, or stands in a chunk that takes half a minute
// to load, is evaluated from the chunk's text, with its whole source file around it.
import { existsSync } from "node:fs";
import path from "node:path";
import { chunkWith, exported, load, modules } from "./openclaw-bundle.mjs";
import { writeLock } from "./write-lock.mjs";
import { serve } from "./session-commands.mjs";

const { SessionManager } = await load(path.join(modules, "@earendil-works", "pi-coding-agent", "dist", "index.js"));

const NAME = "[\\w$]+";

/**
 * A function of a chunk, evaluated with the source file that it comes from (the bundle marks each as a region), but
 * without the rest of the chunk. What that file needs of others is loaded from where the chunk itself loads it; of the
 * chunk's own names it may use texts.
 */
async function alone(prefix, name) {
  const { file, text } = chunkWith(prefix, name);
  const at = text.indexOf(`function ${name}(`);
  const [start, end] = [text.lastIndexOf("//#region", at), text.indexOf("//#endregion", at)];
  if (start < 0 || end < 0) throw new Error(`the source file of OpenClaw's ${name} could not be found`);
  const region = text.slice(start, end);
  const code = region.replaceAll(/\/\*.*?\*\/|^\s*\/\/.*?$/gms, "");
  // A name after a dot is a property, after three it is not.
  const isUsed = (local) => new RegExp(`(?<![\\w$])(?<!(?<!\\.\\.)\\.)${local.replaceAll("$", "\\$")}(?![\\w$])`).test(code);
  const isDeclared = (local) => region.includes(`const ${local} =`) || region.includes(`function ${local}(`);
  const needs = {};
  for (const { from, name: exportedAs, local } of importsOf(text)) {
    if (!isUsed(local) || isDeclared(local)) continue;
    const module = await (from.startsWith(".") ? load(path.join(path.dirname(file), from)) : import(from));
    needs[local] = module[exportedAs];
  }
  for (const [, local, value] of text.matchAll(new RegExp(`^const (${NAME}) = ("[^\\n]*");$`, "gm"))) {
    if (isUsed(local) && !isDeclared(local)) needs[local] = JSON.parse(value);
  }
  return new Function(...Object.keys(needs), `${region}\nreturn ${name};`)(...Object.values(needs));
}

/** The names that a chunk imports: from which module, as what that exports, and as what the chunk calls it. */
function* importsOf(text) {
  for (const [, whole, list, from] of text.matchAll(/^import (?:([\w$]+)(?:, )?)?(?:\{ ([^}]*) \} )?\s*from "([^"]+)";$/gm)) {
    if (whole) yield { from, name: "default", local: whole };
    for (const item of list?.split(", ") ?? []) {
      const [name, local = name] = item.split(" as ");
      yield { from, name, local };
    }
  }
}

async function openForRun({ path: sessionFile, sessionId, cwd }) {
  const repair = await alone("selection-", "repairSessionFileIfNeeded");
  const prepare = await alone("selection-", "prepareSessionManagerForRun");
  await repair({ sessionFile, debug: () => {}, warn: () => {} });
  const hadSessionFile = existsSync(sessionFile);
  const sessionManager = SessionManager.open(sessionFile);
  await prepare({ sessionManager, sessionFile, hadSessionFile, sessionId, cwd });
  return sessionManager;
}

let held;

await serve(openForRun, {
  appendToFile: async (_session, { path: transcriptPath, message }) => {
    const append = await exported("transcript-", "appendSessionTranscriptMessage");
    return (await append({ transcriptPath, message, config: {} })).messageId;
  },
  mirror: async (_session, { path: sessionFile, scope: idempotencyScope, messages: given }) => {
    const mirror = await alone("run-attempt-", "mirrorCodexAppServerTranscript");
    const attach = await alone("run-attempt-", "attachCodexMirrorIdentity");
    const messages = given.map(({ identity, message }) => (identity ? attach(message, identity) : message));
    await mirror({ sessionFile, messages, idempotencyScope, config: {} });
  },
  lock: async (_session, { path: sessionFile, timeoutMs }) => {
    const acquire = await writeLock();
    held = await acquire({ sessionFile, timeoutMs });
  },
  unlock: () => held.release(),
  cleanLocks: async (_session, { dir: sessionsDir, staleMs }) => {
    const clean = await exported("session-write-lock-", "cleanStaleLockFiles");
    return (await clean({ sessionsDir, staleMs, env: {} })).locks;
  },
});
