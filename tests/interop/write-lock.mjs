// OpenClaw's write lock, found in the chunk of its bundle that holds it, since its public entry takes seconds and hundreds of
// megabytes to load. Run by itself (`node write-lock.mjs NODE_MODULES_DIR openclaw`), it says whether the public entry
// `openclaw/plugin-sdk/agent-harness` gives the very same function.
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const NAME = "acquireSessionWriteLock";

export async function writeLock(modules) {
  const dist = path.join(modules, "openclaw", "dist");
  const holdsIt = (file) => readFileSync(path.join(dist, file), "utf8").includes(`function ${NAME}(`);
  const chunk = readdirSync(dist).find((file) => file.startsWith("session-write-lock-") && file.endsWith(".js") && holdsIt(file));
  if (!chunk) throw new Error(`this OpenClaw has no function ${NAME}; this was written for 2026.5.18`);
  const exported = Object.values(await import(pathToFileURL(path.join(dist, chunk)).href));
  const found = exported.find((value) => typeof value === "function" && value.name === NAME);
  if (!found) throw new Error(`this OpenClaw does not export ${NAME}; this was written for 2026.5.18`);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const modules = process.argv[2];
  const entry = createRequire(path.join(modules, "any.js")).resolve("openclaw/plugin-sdk/agent-harness");
  const [inside, outside] = [await writeLock(modules), await import(pathToFileURL(entry).href)];
  console.log(inside === outside[NAME] ? "the same" : "another");
  process.exit(0);
}
