// One greedy OpenClaw of the hammer test: `node hammer.mjs NODE_MODULES_DIR openclaw FOLDER ID HOLD_US AWAY_US`. It takes the
// real write lock of FOLDER/s.jsonl again and again, staying away for AWAY_US in between, until FOLDER/stop is there. The
// word `openclaw` makes it respected by others of its kind.
//
// Each critical section adds one line of 64 bytes at the size that it found when it came in, so that a second holder
// costs a line. What it did goes to a third file, FOLDER/oracle, one appended line an event, with CLOCK_MONOTONIC in
// nanoseconds; no lock under test is needed to read it:
//   E ID N NOW CREATED    it is in; its lock file was made at CREATED or later
//   X ID N FROM NOW       its line N was written between FROM and NOW; it is about to go out
//   B ID N NOW            it begins to remove a lock file: the one of its section N - 1, or for 0 one that is not its own to
//                         give back, a reclaim
//   R ID N FROM NOW       it has removed it
//   F ID N NOW CODE       an error came out of the lock; it tries again
import { appendFileSync, closeSync, existsSync, fstatSync, openSync, writeSync } from "node:fs";
import fsp from "node:fs/promises";
import path from "node:path";
import { writeLock } from "./write-lock.mjs";

const [modules, , folder, id, holdUs, awayUs] = process.argv.slice(2);
const now = () => process.hrtime.bigint();
const oracle = openSync(path.join(folder, "oracle"), "a");
const mark = (...words) => writeSync(oracle, words.join(" ") + "\n");

// Watched, not changed: when it makes a lock file, and when it removes one.
let created = 0n;
let releasing = 0;
const { open, rm } = fsp;
fsp.open = async (file, flags, ...rest) => {
  // Taken before: another may remove the file before this process hears that it was made.
  if (flags === "wx") created = now();
  return open(file, flags, ...rest);
};
fsp.rm = async (file, options) => {
  const whose = releasing;
  const from = now();
  mark("B", id, whose, from);
  await rm(file, options);
  mark("R", id, whose, from, now());
};

const acquire = await writeLock();
const sessionFile = path.join(folder, "s.jsonl");
const file = openSync(sessionFile, "r+");
const cell = new Int32Array(new SharedArrayBuffer(4));
const stop = path.join(folder, "stop");
appendFileSync(path.join(folder, "ready"), `${id}\n`);
for (let n = 0; !existsSync(stop); n++) {
  let lock;
  try {
    lock = await acquire({ sessionFile, timeoutMs: 600_000 });
  } catch (error) {
    mark("F", id, n, now(), error.code ?? error.name);
    continue;
  }
  mark("E", id, n, now(), created);
  const at = fstatSync(file).size;
  // Some stay in for longer than anybody of ours waits before it takes a lock that it should not take.
  Atomics.wait(cell, 0, 0, n % 8 === 7 ? 40 : holdUs / 1000);
  const from = now();
  writeSync(file, `{"at":${at / 64},"by":${id},"n":${n}`.padEnd(62) + "}\n", at);
  mark("X", id, n, from, now());
  releasing = n + 1;
  await lock.release();
  releasing = 0;
  if (awayUs > 0) await new Promise((resolve) => setTimeout(resolve, awayUs / 1000));
}
closeSync(file);
process.exit(0);
