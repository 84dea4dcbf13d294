// What a boarding takes of Redis and of the gateway, in instructions: callgrind counts them, so the figures do not depend
// on the machine, nor on what else it does. What both do by the clock is counted while no client does anything, and taken
// off; but for audits, which are much of it where all is slow: the gateway is one that makes none.

import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import WebSocket from "ws";
import { freePort } from "../lib/port.mjs";
import { Program } from "../lib/process.mjs";
import { gateway } from "./servers.mjs";
import { median, RUNS } from "./load.mjs";

const RIDERS = 60;
const WARM_UP = 5; // boardings of each, before those that are counted

export const valgrindMissing = () => {
  try {
    execFileSync("callgrind_control", ["--version"], { stdio: "ignore" });
    return null;
  } catch (error) {
    return error.message;
  }
};

// A program whose instructions are counted while something is done.
class Counted extends Program {
  constructor(folder, name, command) {
    super("valgrind", ["--tool=callgrind", `--callgrind-out-file=${path.join(folder, name)}`, ...command]);
    this.folder = folder;
    this.file = name;
  }

  begin() {
    execFileSync("callgrind_control", ["--zero", String(this.child.pid)], { stdio: "ignore" });
  }

  async end() {
    const before = new Set(await readdir(this.folder));
    execFileSync("callgrind_control", ["--dump", String(this.child.pid)], { stdio: "ignore" });
    const written = (await readdir(this.folder)).filter((file) => file.startsWith(this.file) && !before.has(file));
    const dumps = await Promise.all(written.map((file) => readFile(path.join(this.folder, file), "latin1")));
    return dumps.reduce((sum, dump) => sum + Number(/^totals: (\d+)$/m.exec(dump)[1]), 0);
  }
}

// Boards again with every ack.
class Boarder {
  static async connect(port, number, ride) {
    const boarder = new Boarder(number, new WebSocket(`ws://127.0.0.1:${port}/ws/${ride}`));
    await new Promise((resolve, reject) => boarder.socket.once("open", resolve).once("error", reject));
    return boarder;
  }

  constructor(number, socket) {
    this.id = `rider-${String(number).padStart(4, "0")}`;
    this.socket = socket;
    socket.on("message", (text) => {
      const { event, data } = JSON.parse(text);
      if (event === "ack") this.acked(data);
    });
  }

  async board(times) {
    for (let i = 0; i < times; i++) {
      const data = { id: this.id, name: `Rider ${this.id}`, status: "boarding", time: String(Date.now()) };
      const answered = new Promise((resolve) => (this.acked = resolve));
      this.socket.send(JSON.stringify({ event: "message", id: 1, data }));
      const { ok, error } = await answered;
      if (!ok) throw new Error(error);
    }
  }
}

async function count(programs, work) {
  for (const program of programs) program.begin();
  const begun = Date.now();
  await work();
  const ms = Date.now() - begun;
  return { ms, counts: await Promise.all(programs.map((program) => program.end())) };
}

// An older gateway knows fewer options.
function command(program, redis) {
  const known = execFileSync(program, ["--help"], { encoding: "utf8" });
  const [first, ...rest] = gateway(program, redis, ["--node-lease", "60000"]); // all is slow: none is to end
  const options = rest.filter((_, i) => known.includes(`${rest[i - (i % 2)]} `));
  return [first, ...options];
}

// What one boarding takes of each, on average of so many of each rider; `rides` is how many they are on.
export async function countInstructions(program, rides, boardings) {
  const folder = await mkdtemp(path.join(os.tmpdir(), "ridecast-instructions-"));
  const port = await freePort();
  const redis = new Counted(folder, "redis", [
    ...["redis-server", "--bind", "127.0.0.1", "--port", String(port), "--dir", folder],
    ...["--save", "", "--appendonly", "no", "--io-threads", "1"],
  ]);
  const programs = [redis];
  try {
    await redis.printed(/Ready to accept connections/);
    programs.push(new Counted(folder, "gateway", command(program, `redis://127.0.0.1:${port}`)));
    const [, listening] = await programs[1].printed(/listening on .*:(\d+)$/m);
    const boarders = [];
    for (let i = 0; i < RIDERS; i++) boarders.push(await Boarder.connect(listening, i, `r${i % rides}`));
    const board = (times) => Promise.all(boarders.map((boarder) => boarder.board(times)));
    await board(WARM_UP);
    const busy = await count(programs, () => board(boardings));
    const idle = await count(programs, () => new Promise((resolve) => setTimeout(resolve, busy.ms)));
    for (const { socket } of boarders) socket.terminate();
    const [ofRedis, ofGateway] = busy.counts.map(
      (all, i) => (all - (idle.counts[i] / idle.ms) * busy.ms) / (RIDERS * boardings),
    );
    return { redis: ofRedis, gateway: ofGateway };
  } finally {
    await Promise.all(programs.map((counted) => counted.kill("SIGKILL")));
    await rm(folder, { recursive: true, force: true });
  }
}

// Medians of RUNS runs.
export async function instructions(program, rides) {
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await countInstructions(program, rides, 50));
  return { redis: median(runs.map(({ redis }) => redis)), gateway: median(runs.map(({ gateway }) => gateway)) };
}
