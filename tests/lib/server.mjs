// The gateway and the conformance server, each on a free port.

import { onEnd } from "./cleanup.mjs";
import { built } from "./places.mjs";
import { startProgram } from "./process.mjs";

// { pingInterval: 300 } becomes --ping-interval 300.
const argument = ([name, value]) => [`--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`, String(value)];

async function start(t, file, options, enginePath, { under = [], env } = {}) {
  const args = Object.entries({ listen: "127.0.0.1:0", ...options }).flatMap(argument);
  const [command, ...rest] = [...under, built(file), ...args];
  const program = startProgram(t, command, rest, env);
  const [, port] = await program.printed(/^listening on .*:(\d+)$/m);
  const server = {
    program,
    port: Number(port),
    url: `http://127.0.0.1:${port}`,
    enginePath,
    stopped: false,
    async stop(signal) {
      server.stopped = true;
      await program.stop(signal);
    },
    // Without a word to anybody.
    async kill() {
      server.stopped = true;
      await program.kill("SIGKILL");
    },
  };
  onEnd(t, () => (server.stopped ? undefined : server.stop()));
  return server;
}

// For tests in which one client says as much as a crowd.
export const UNLIMITED = {
  messagesPerSecond: 0,
  bytesPerSecond: 0,
  asksPerSecond: 0,
  transitionsPerSecond: 0,
  eventsPerSecond: 0,
  ridesPerAddress: 0,
  newRidesPerSecond: 0,
  badTokensPerAddress: 0,
  resumesPerAddress: 0,
  replayBytesPerAddress: 0,
};

// `binary`: one that is wrong on purpose instead. `under`: a command that runs it. `env`: variables.
export const startGateway = (t, { binary = "gateway/ridecast-gateway", under, env, ...options } = {}) =>
  start(t, binary, options, "/socket.io/", { under, env });

// A gateway that is expected not to start.
export const runGateway = (t, args, env) => startProgram(t, built("gateway/ridecast-gateway"), args, env);

// Engine.IO alone: every message comes back unchanged.
export const startEngine = (t, options) =>
  start(t, "tests/conformance-server", { mode: "engine", ...options }, "/engine.io/");

// Socket.IO with the namespaces / and /custom of the public test suite.
export const startSocketIo = (t, options) =>
  start(t, "tests/conformance-server", { mode: "socket", ...options }, "/socket.io/");
