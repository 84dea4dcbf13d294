// --admin-listen: operators have an address of their own, on which clients are nobody.

import assert from "node:assert/strict";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { runGateway, startGateway } from "../lib/server.mjs";
import { readResponse, request } from "../lib/http.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { upgradeRequest } from "../lib/websocket.mjs";

const INTERNALS = ["/metrics", "/api/users", "/api/cluster"];
const OPEN = "/socket.io/?EIO=4&transport=polling";

const status = async (t, server, path) => (await request(t, server, { path })).status;

async function withAdmin(t, options) {
  const server = await startGateway(t, { adminListen: "127.0.0.1:0", ...options });
  const [, port] = server.program.stdout.match(/^operators: listening on .*:(\d+)$/m);
  return { server, admin: { port: Number(port), enginePath: server.enginePath } };
}

test("internals are served to operators only, health and readiness to both", async (t) => {
  const { server, admin } = await withAdmin(t);
  for (const path of INTERNALS) {
    assert.equal(await status(t, server, path), 404, path);
    assert.equal(await status(t, admin, path), 200, path);
  }
  for (const path of ["/healthz", "/readyz"])
    for (const place of [server, admin]) assert.equal(await status(t, place, path), 200, path);
});

test("operators see what clients do, but nobody is a client there", async (t) => {
  const { server, admin } = await withAdmin(t);
  const rider = await Rider.join(t, server);
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
  assert.deepEqual(JSON.parse((await request(t, admin, { path: "/api/users" })).body).users, [user("u")]);
  assert.equal(await status(t, admin, OPEN), 404);
  assert.equal((await request(t, admin, { method: "POST", path: OPEN, body: "x".repeat(1000) })).status, 404);
  for (const path of ["/ws", `${OPEN.replace("polling", "websocket")}`]) {
    const tcp = await TcpClient.connect(t, admin.port);
    tcp.send(upgradeRequest(path));
    assert.equal((await readResponse(tcp)).status, 404, path);
  }
});

test("a crowd of clients does not keep operators out", async (t) => {
  const { server, admin } = await withAdmin(t, { maxConnections: 1, maxConnectionsPerAddress: 1 });
  await TcpClient.connect(t, server.port);
  const { body } = await request(t, admin, { path: "/metrics" });
  assert.match(body, /^ridecast_connections [12]$/m);
});

test("--admin-listen none closes internals to everybody", async (t) => {
  const server = await startGateway(t, { adminListen: "none" });
  for (const path of INTERNALS) assert.equal(await status(t, server, path), 404, path);
  await becomes(t, server, 200);
  assert.doesNotMatch(server.program.stdout, /operators/);
});

test("an address that is wrong or taken stops the start with one line that says what to do", async (t) => {
  const server = await startGateway(t);
  for (const [address, reason] of [["here", /--admin-listen.*give an address/], [`127.0.0.1:${server.port}`, /another port with --admin-listen/]]) {
    const program = runGateway(t, ["--listen", "127.0.0.1:0", "--admin-listen", address]);
    const { code } = await program.exited;
    assert.notEqual(code, 0);
    assert.match(program.stderr.trimEnd().split("\n").at(-1), reason);
  }
});
