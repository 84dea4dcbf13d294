// How the gateway ends, and how it refuses to start.

import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { Client, MODES } from "../lib/official.mjs";
import { Polling } from "../lib/polling.mjs";
import { joined } from "../lib/socketio.mjs";
import { runGateway, startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { within } from "../lib/wait.mjs";
import { WebSocketClient } from "../lib/websocket.mjs";

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal} with nobody connected exits 0`, async (t) => {
    await (await startGateway(t)).stop(signal);
  });

  test(`${signal} with clients of every kind exits 0 and ends their connections`, async (t) => {
    const server = await startGateway(t);
    for (const mode of Object.keys(MODES)) await Client.connect(t, server, mode);
    const pending = await (await Polling.open(t, server)).hold();
    const rider = await joined(t, server, "/line-7");
    const session = await Polling.open(t, server);
    const probing = await WebSocketClient.open(t, server, session.upgradePath);
    probing.send("2probe");
    assert.equal(await probing.text(), "3probe");
    const silent = await TcpClient.connect(t, server.port);
    const halfHead = await TcpClient.connect(t, server.port);
    await halfHead.send("GET /socket.io/?EIO=4 HT");
    await server.stop(signal);
    for (const tcp of [rider.tcp, probing.tcp, silent, halfHead]) await tcp.readToEnd();
    await within(Promise.allSettled([pending.response]), () => "the end of the pending GET");
  });
}

test("a signal right after the start exits 0", async (t) => {
  for (let i = 0; i < 5; i++) await (await startGateway(t)).stop();
});

test("a second signal does no harm", async (t) => {
  const server = await startGateway(t);
  await joined(t, server);
  server.program.child.kill("SIGTERM");
  await server.stop("SIGTERM");
});

const refused = {
  "a number that is none": ["--ping-interval", "abc"],
  "a number out of bounds": ["--ping-interval", "0"],
  "an option nobody knows": ["--ping-intervall", "25000"],
  "an option without value": ["--ping-interval"],
  "an address without port": ["--listen", "localhost"],
  "a port out of bounds": ["--listen", "127.0.0.1:65536"],
  "a broker of another kind": ["--broker", "mysql://localhost"],
  "a trusted proxy that is no network": ["--trusted-proxy", "10.0.0.1/8"],
  "an argument that is no option": ["3000"],
};

async function assertRefuses(t, args, env) {
  const program = runGateway(t, args, env);
  const { code } = await within(program.exited, () => "the gateway should not have started");
  assert.ok(code > 0, `exit status ${code}`);
  assert.equal(program.stdout, "");
  assert.equal(program.stderr.trimEnd().split("\n").length, 1, program.stderr);
  return program.stderr;
}

for (const [name, args] of Object.entries(refused)) {
  test(`${name} stops the start with one line`, async (t) => {
    const line = await assertRefuses(t, ["--listen", "127.0.0.1:0", ...args]);
    assert.ok(line.includes(args[0]), line);
  });
}

test("a bad value from the environment stops the start with one line", async (t) => {
  await assertRefuses(t, ["--listen", "127.0.0.1:0"], { RIDECAST_PING_INTERVAL: "abc" });
  await assertRefuses(t, ["--listen", "127.0.0.1:0"], { RIDECAST_PING_INTERVALL: "25000" });
});

test("a port in use stops the start", async (t) => {
  const taken = net.createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await within(new Promise((resolve) => taken.once("listening", resolve)), () => "listening");
  const program = runGateway(t, ["--listen", `127.0.0.1:${taken.address().port}`]);
  const { code } = await within(program.exited, () => "the gateway should not have started");
  assert.ok(code > 0, `exit status ${code}`);
  assert.doesNotMatch(program.stdout, /listening on/);
  assert.match(program.stderr, new RegExp(`\\b${taken.address().port}\\b`));
});

test("two gateways on free ports run side by side", async (t) => {
  const [one, two] = [await startGateway(t), await startGateway(t)];
  assert.notEqual(one.port, two.port);
});
