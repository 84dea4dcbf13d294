// A real redis-server in a folder of its own, and commands to it in its own protocol.

import assert from "node:assert/strict";
import net from "node:net";
import { onEnd } from "./cleanup.mjs";
import { temporaryFolder } from "./folder.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./process.mjs";
import { until, within } from "./wait.mjs";

export class Redis {
  // `conf`: a configuration file, `config`: more arguments of redis-server, `env`: variables for it.
  static async start(t, { port, conf, config = [], env } = {}) {
    const redis = new Redis(temporaryFolder(t, "redis"), port ?? (await freePort()), config, env, conf);
    onEnd(t, () => redis.stop("SIGKILL"));
    await redis.run();
    return redis;
  }

  constructor(folder, port, config = [], env = {}, conf) {
    this.folder = folder;
    this.conf = conf ? [conf] : [];
    this.config = config;
    this.env = env;
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
  }

  // Every write reaches the file before its answer, so that even a killed server comes back with all it had said.
  async run() {
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    const place = ["--bind", "127.0.0.1", "--port", String(this.port), "--dir", this.folder];
    this.program = new Program("redis-server", [...this.conf, ...place, ...durable, ...this.config], this.env);
    await until(
      () => this.#answers(),
      () => `waiting for redis-server\n${this.program.stdout}`,
    );
  }

  async #answers() {
    if (this.program.exit) throw new Error(`redis-server ended\n${this.program.stdout}${this.program.stderr}`);
    return (await this.command("PING").catch(() => null)) === "PONG";
  }

  async stop(signal = "SIGTERM") {
    if (!this.program.exit) await this.program.kill(signal);
  }

  // One command on a connection of its own.
  async command(...args) {
    const socket = net.connect(this.port, "127.0.0.1");
    const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
    socket.write(`*${args.length}\r\n${parts.join("")}`);
    try {
      return await within(readReply(socket), () => `redis ${args.join(" ")}`);
    } finally {
      socket.destroy();
    }
  }

  // A hash as an object.
  async hash(key) {
    const flat = await this.command("HGETALL", key);
    assert.ok(Array.isArray(flat), `HGETALL ${key}: ${flat}`);
    return Object.fromEntries(flat.flatMap((name, i) => (i % 2 ? [] : [[name, flat[i + 1]]])));
  }
}

async function readReply(socket) {
  let bytes = Buffer.alloc(0);
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    const reply = parseReply(bytes, 0);
    if (!reply) continue;
    if (reply.value instanceof Error) throw reply.value;
    return reply.value;
  }
  throw new Error("redis-server ended the connection");
}

// Where the value at `at` ends, or null while it is not complete.
export function endOfReply(bytes, at) {
  const eol = bytes.indexOf("\r\n", at);
  if (eol < 0) return null;
  const count = Number(bytes.toString("latin1", at + 1, eol));
  let end = eol + 2;
  switch (String.fromCharCode(bytes[at])) {
    case "$":
      if (count >= 0) end += count + 2;
      return end <= bytes.length ? end : null;
    case "*":
      for (let i = 0; i < count && end !== null; i++) end = endOfReply(bytes, end);
      return end;
    default:
      return end;
  }
}

// The value at `at` and where it ends, or null while it is not complete.
function parseReply(bytes, at) {
  const eol = bytes.indexOf("\r\n", at);
  if (eol < 0) return null;
  const line = bytes.toString("utf8", at + 1, eol);
  const end = eol + 2;
  switch (String.fromCharCode(bytes[at])) {
    case "+":
      return { value: line, end };
    case "-":
      return { value: new Error(line), end };
    case ":":
      return { value: Number(line), end };
    case "$":
      return Number(line) < 0 ? { value: null, end } : parseBulk(bytes, end, Number(line));
    case "*":
      return parseArray(bytes, end, Number(line));
    default:
      throw new Error(`not a reply: ${bytes.toString("latin1", at, eol)}`);
  }
}

function parseBulk(bytes, at, length) {
  if (bytes.length < at + length + 2) return null;
  return { value: bytes.toString("utf8", at, at + length), end: at + length + 2 };
}

function parseArray(bytes, at, count) {
  const value = [];
  let end = at;
  for (let i = 0; i < count; i++) {
    const item = parseReply(bytes, end);
    if (!item) return null;
    value.push(item.value);
    end = item.end;
  }
  return { value, end };
}
