// OpenClaw's write lock, found in its bundle, since its public entry takes seconds and hundreds of megabytes to load. Run by
// itself (`node write-lock.mjs NODE_MODULES_DIR openclaw`), it says whether the public entry
// `openclaw/plugin-sdk/agent-harness` gives the very same function.
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { exported, modules } from "./openclaw-bundle.mjs";

const NAME = "acquireSessionWriteLock";

export const writeLock = () => exported("session-write-lock-", NAME);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const entry = createRequire(path.join(modules, "any.js")).resolve("openclaw/plugin-sdk/agent-harness");
  const [inside, outside] = [await writeLock(), await import(pathToFileURL(entry).href)];
  console.log(inside === outside[NAME] ? "the same" : "another");
  process.exit(0);
}
