// Functions of OpenClaw's bundle, found as they stand there. The bundle hashes the names of its chunks and shortens its
// exports, so a function is looked for by the start of its chunk's name and by its own. If a release no longer has it, this
// fails and says so; it never guesses. The first argument of the driver is the node_modules directory.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

export const modules = process.argv[2];
const dist = path.join(modules, "openclaw", "dist");
export const load = (file) => import(pathToFileURL(file).href);

export function chunkWith(prefix, name) {
  for (const file of readdirSync(dist).filter((x) => x.startsWith(prefix) && x.endsWith(".js")).sort()) {
    const text = readFileSync(path.join(dist, file), "utf8");
    if (text.includes(`function ${name}(`)) return { file: path.join(dist, file), text };
  }
  throw new Error(`this OpenClaw has no function ${name} in ${prefix}*.js; the driver was written for 2026.5.18`);
}

export async function exported(prefix, name) {
  const chunk = chunkWith(prefix, name);
  const found = Object.values(await load(chunk.file)).find((x) => typeof x === "function" && x.name === name);
  if (!found) throw new Error(`this OpenClaw does not export ${name}; the driver was written for 2026.5.18`);
  return found;
}
