// OpenClaw's session lock as a worker of the lock protocol: `node lock-worker.mjs NODE_MODULES_DIR openclaw --file F --id N`.
// The commands and answers are those of `tests/lock_worker/protocol.rs`, without `sessions` and with
//   versions  ->  versions {"node":N,"openclaw":N}
// The word `openclaw` is there for OpenClaw itself: it takes the lock from an owner without it.
import { closeSync, fstatSync, openSync, readFileSync, writeSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";
import { modules } from "./openclaw-bundle.mjs";
import { writeLock } from "./write-lock.mjs";

const acquire = await writeLock();
const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
const sessionFile = argument("--file");
const id = argument("--id");
const options = { sessionFile, timeoutMs: 600_000, staleMs: 1_800_000, maxHoldMs: 300_000 };
closeSync(openSync(sessionFile, "a+"));
const file = openSync(sessionFile, "r+");

const now = () => process.hrtime.bigint();
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const cell = new Int32Array(new SharedArrayBuffer(4));
/** Blocks the whole process, as a critical section that computes does. */
const block = (ms) => void Atomics.wait(cell, 0, 0, ms);
const say = (line) => process.stdout.write(`${line}\n`);

async function until(moment) {
  const left = Number(moment - now()) / 1e6;
  if (left > 2) await pause(left - 1.5);
  while (now() < moment);
}

/** Acquires, however often it fails; failures are counted. */
async function acquireCounting(errs) {
  for (;;) {
    try {
      return await acquire(options);
    } catch (error) {
      const code = error.code ?? error.name;
      errs[code] = (errs[code] ?? 0) + 1;
    }
  }
}

async function contend({ n, end, holdMs, thinkMs, as, hold }) {
  const ops = [], errs = {};
  for (let i = 0; end ? now() < end : i < n; i++) {
    const asked = now();
    const lock = await acquireCounting(errs);
    const got = now();
    const { size } = fstatSync(file);
    if (holdMs) await hold(holdMs);
    writeSync(file, `{"p":${as},"i":${i}}\n`, size);
    const releasing = now();
    await lock.release();
    ops.push([asked, got, releasing, now()].map(Number));
    if (thinkMs) await pause(thinkMs);
  }
  return { ops, errs };
}

async function cycle(n) {
  const took = [];
  let last = now();
  for (let i = 0; i < n; i++) {
    await (await acquire(options)).release();
    const at = now();
    took.push(Number(at - last));
    last = at;
  }
  return took;
}

let held;
const commands = {
  async contend(start, n, seconds, holdUs, thinkUs) {
    const from = BigInt(start);
    const end = +seconds ? from + BigInt(Math.round(+seconds * 1e9)) : null;
    await until(from);
    const done = await contend({ n: +n, end, holdMs: +holdUs / 1000, thinkMs: +thinkUs / 1000, as: id, hold: block });
    say(`done ${JSON.stringify(done)}`);
  },
  async acquire() {
    held = await acquire(options);
    say(`acquired ${now()}`);
  },
  async release() {
    const called = now();
    await held.release();
    say(`released ${called} ${now()}`);
  },
  async cycle(n) {
    say(`cycled ${JSON.stringify(await cycle(+n))}`);
  },
  async tasks(k, n, holdUs) {
    const one = (as) => contend({ n: +n, end: null, holdMs: +holdUs / 1000, thinkMs: 0, as, hold: pause });
    say(`tasks ${JSON.stringify(await Promise.all(Array.from({ length: +k }, (_, as) => one(as))))}`);
  },
  async versions() {
    const { version } = JSON.parse(readFileSync(path.join(modules, "openclaw", "package.json"), "utf8"));
    say(`versions ${JSON.stringify({ node: process.versions.node, openclaw: version })}`);
  },
  exit: () => process.exit(0),
};

say("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const [name, ...values] = line.split(" ");
  if (!(name in commands)) throw new Error(`the line ${JSON.stringify(line)} is not understood`);
  await commands[name](...values);
}
process.exit(0);
