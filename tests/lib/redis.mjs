// A real redis-server in a folder of its own, and commands to it in its own protocol.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { onEnd } from "./cleanup.mjs";
import { temporaryFolder } from "./folder.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./process.mjs";
import { until, within } from "./wait.mjs";

// The programs. RIDECAST_REDIS=valkey-server: those of Valkey.
export const SERVER = process.env.RIDECAST_REDIS ?? "redis-server";
export const CLI = SERVER.replace(/server$/, "cli");

export class Redis {
  // `options`: `under`, a command that runs it; `conf`, a configuration file, `config`, more arguments, and `env`, variables
  // for it.
  // `password`: everybody's; `user`: { name, password, rules }, one more, whom `url` names. `tls`: { ca, cert, key }, files:
  // whoever comes without TLS is not understood.
  static async start(t, { port, ...options } = {}) {
    const redis = new Redis(temporaryFolder(t, "redis"), port ?? (await freePort()), options);
    onEnd(t, () => redis.stop("SIGKILL"));
    await redis.run();
    return redis;
  }

  constructor(folder, port, { under = [], conf, config = [], env = {}, password, user, tls } = {}) {
    Object.assign(this, { folder, port, config, env, password, user, tls });
    this.server = [...under, SERVER];
    this.conf = conf ? [conf] : [];
    this.url = `${this.scheme}://${this.login}127.0.0.1:${port}${this.trust}`;
  }

  // The parts of a URL that are the same for all servers.
  get scheme() {
    return this.tls ? "rediss" : "redis";
  }

  get login() {
    const { name = "", password } = this.user ?? this;
    return password ? `${name}:${encodeURIComponent(password)}@` : "";
  }

  get trust() {
    return this.tls ? `?ca=${this.tls.ca}` : "";
  }

  get #access() {
    const { password, user } = this;
    return [
      ...(password ? ["--requirepass", password, "--masterauth", password] : []),
      ...(user ? ["--user", user.name, "on", `>${user.password}`, ...user.rules.split(" ")] : []),
    ];
  }

  get #place() {
    const place = ["--bind", "127.0.0.1", "--dir", this.folder];
    if (!this.tls) return [...place, "--port", String(this.port)];
    const { ca, cert, key } = this.tls;
    const files = ["--tls-ca-cert-file", ca, "--tls-cert-file", cert, "--tls-key-file", key];
    return [...place, "--port", "0", "--tls-port", String(this.port), ...files, "--tls-auth-clients", "no"];
  }

  // Every write reaches the file before its answer, so that even a killed server comes back with all it had said.
  async run() {
    const durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""];
    const [command, ...first] = this.server;
    const args = [...first, ...this.conf, ...this.#place, ...this.#access, ...durable, ...this.config];
    this.program = new Program(command, args, this.env);
    await until(
      () => this.#answers(),
      () => `waiting for ${SERVER}\n${this.program.stdout}`,
    );
  }

  async #answers() {
    if (this.program.exit) throw new Error(`${SERVER} ended\n${this.program.stdout}${this.program.stderr}`);
    return (await this.command("PING").catch(() => null)) === "PONG";
  }

  async stop(signal = "SIGTERM") {
    if (!this.program.exit) await this.program.kill(signal);
  }

  // One command on a connection of its own.
  async command(...args) {
    const place = { port: this.port, host: "127.0.0.1" };
    const socket = this.tls ? tls.connect({ ...place, ca: readFileSync(this.tls.ca) }) : net.connect(place);
    const commands = [...(this.password ? [["AUTH", this.password]] : []), args];
    socket.write(commands.map(written).join(""));
    try {
      return await within(readReply(socket, commands.length), () => `redis ${args.join(" ")}`);
    } finally {
      socket.destroy();
    }
  }

  // As of a cluster of one.
  get nodes() {
    return [this];
  }

  get pids() {
    return [this.program.child.pid];
  }

  // A hash as an object.
  async hash(key) {
    const flat = await this.command("HGETALL", key);
    assert.ok(Array.isArray(flat), `HGETALL ${key}: ${flat}`);
    return Object.fromEntries(flat.flatMap((name, i) => (i % 2 ? [] : [[name, flat[i + 1]]])));
  }
}

function written(args) {
  const parts = args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`);
  return `*${args.length}\r\n${parts.join("")}`;
}

// The last of so many; none before it may be an error.
async function readReply(socket, count) {
  let bytes = Buffer.alloc(0);
  let at = 0;
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk]);
    for (let reply; (reply = parseReply(bytes, at)); at = reply.end) {
      if (reply.value instanceof Error) throw reply.value;
      if (--count === 0) return reply.value;
    }
  }
  throw new Error(`${SERVER} ended the connection`);
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
