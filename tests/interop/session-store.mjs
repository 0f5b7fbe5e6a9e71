// OpenClaw's own `updateSessionStore` on one store, again and again: `node session-store.mjs NODE_MODULES_DIR openclaw STORE`.
// It says `ready` after its first write, goes on until its standard input ends, and says `wrote N`.
import { exported } from "./openclaw-bundle.mjs";

const update = await exported("store-", "updateSessionStore");
const store = process.argv[4];
let over = false;
process.stdin.on("end", () => (over = true)).resume();

let wrote = 0;
const write = () =>
  update(
    store,
    async (rows) => {
      // As a mutator of the gateway does, it waits for something while it has the rows.
      await new Promise((done) => setTimeout(done, wrote % 4));
      rows["agent:main:openclaw"] = { sessionId: "openclaw", updatedAt: Date.now(), label: String(wrote) };
    },
    { skipMaintenance: true },
  );
await write();
process.stdout.write("ready\n");
while (!over) {
  wrote += 1;
  await write();
  await new Promise((done) => setTimeout(done, 3));
}
process.stdout.write(`wrote ${wrote}\n`);
process.exit(0);
