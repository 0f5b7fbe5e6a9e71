// A live pi: `node pi.mjs PACKAGE_DIR` speaks the commands of session-commands.mjs over pi's own SessionManager.
//   {"open": PATH}      opens the file as pi's --session does (a file that does not exist is a new session there)
//   {"list": {"cwd": C, "dir": D}}   the sessions of a folder, as its session picker lists them
// Nothing here knows the format: what is read and written is what the package does.
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { serve } from "./session-commands.mjs";

const packageDir = process.argv[2];
const { SessionManager } = await import(pathToFileURL(path.join(packageDir, "dist", "index.js")).href);

await serve((file) => SessionManager.open(file), {
  list: (_session, { cwd, dir }) => SessionManager.list(cwd, dir),
  version: () => JSON.parse(readFileSync(path.join(packageDir, "package.json"), "utf8")).version,
});
