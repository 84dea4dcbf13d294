// deploy/redis-cluster.sh, which joins servers to a Redis Cluster, with the secrets of docker-compose.yml.

import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { run } from "../lib/install.mjs";
import { ROOT } from "../lib/places.mjs";
import { freePort } from "../lib/port.mjs";
import { startProgram } from "../lib/process.mjs";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { visit } from "../lib/visit.mjs";
import { until } from "../lib/wait.mjs";

// As Compose starts them, but for their patience.
const CLUSTER = "--cluster-enabled yes --cluster-require-full-coverage no --cluster-node-timeout 1000 --repl-diskless-sync-delay 0";
const KEYS = 300;
const key = (i) => `ridecast:{/ride-${i}}:users`;

async function secrets(t) {
  const folder = temporaryFolder(t, "secrets");
  await run(t, path.join(ROOT, "deploy/secrets.sh"), [folder]);
  const [conf, password, gateways] = ["redis/redis.conf", "redis/admin-password", "gateway/redis-password"];
  return { conf: path.join(folder, conf), password: path.join(folder, password), gateways: path.join(folder, gateways) };
}

// `config`: of a node, or of the one server of before.
const startNode = async (t, { conf }, config = CLUSTER) =>
  Redis.start(t, { port: await freePort({ further: 10_000 }), conf, config: config.split(" ").filter(Boolean) });

async function startNodes(t, secret, count) {
  const nodes = [];
  while (nodes.length < count) nodes.push(await startNode(t, secret));
  return nodes;
}

// On its way; `exited` tells when it is over.
const joining = (t, { password }, nodes) =>
  startProgram(
    t,
    path.join(ROOT, "deploy/redis-cluster.sh"),
    nodes.map(({ port }) => `localhost:${port}`),
    { REDIS_USER: "admin", REDIS_PASSWORD_FILE: password },
  );

async function join(t, secret, nodes) {
  const script = joining(t, secret, nodes);
  const { code } = await script.exited;
  assert.equal(code, 0, script.stdout + script.stderr);
}

async function cli(t, { password }, node, ...args) {
  const login = 'REDISCLI_AUTH=$(cat "$0") exec redis-cli --user admin "$@"';
  const program = startProgram(t, "sh", ["-c", login, password, "-p", String(node.port), ...args]);
  await program.exited;
  return program.stdout.trim();
}

// Primaries with their slots, and how many replicas, once all agree.
async function shapeOf(t, secret, node) {
  let found;
  await until(
    async () => /\[OK\] All 16384 slots covered/.test((found = await cli(t, secret, node, "--cluster", "check", `127.0.0.1:${node.port}`))),
    () => `waiting for agreement\n${found}`,
  );
  return {
    slots: [...found.matchAll(/\((\d+) slots\) master$/gm)].map(([, count]) => Number(count)).sort(),
    replicas: [...found.matchAll(/\| (\d+) (?:slaves|replicas)\.$/gm)].map(([, count]) => Number(count)),
  };
}

const THREE = { slots: [5461, 5461, 5462], replicas: [1, 1, 1] };

async function assertKept(t, secret, node) {
  const script = `for i in $(seq 0 ${KEYS - 1}); do echo "GET ridecast:{/ride-$i}:users"; done | REDISCLI_AUTH=$(cat "$0") redis-cli --user admin -c -p ${node.port} | grep -v "^->"`;
  const { stdout } = await run(t, "sh", ["-c", script, secret.password]);
  assert.deepEqual(stdout.trim().split("\n"), Array.from({ length: KEYS }, (_, i) => String(i)));
}

// A server that was alone, with some data, as the first of six nodes.
async function grown(t, secret) {
  const first = await startNode(t, secret, "");
  await run(t, "sh", ["-c", `for i in $(seq 0 ${KEYS - 1}); do echo "SET ridecast:{/ride-$i}:users $i"; done | REDISCLI_AUTH=$(cat "$0") redis-cli --user admin -p ${first.port}`, secret.password]);
  await first.stop();
  first.config = CLUSTER.split(" ");
  await first.run();
  return [first, ...(await startNodes(t, secret, 5))];
}

test("new nodes become a cluster, and are one already when it is asked for again", async (t) => {
  const secret = await secrets(t);
  const nodes = await startNodes(t, secret, 6);
  await join(t, secret, nodes);
  assert.deepEqual(await shapeOf(t, secret, nodes[0]), THREE);
  const roles = async () => (await cli(t, secret, nodes[0], "CLUSTER", "NODES")).replaceAll(/ \d+ \d+ (\d+) connected/g, " $1").split("\n").sort();
  const before = await roles();
  await join(t, secret, nodes);
  assert.deepEqual(await roles(), before);
});

test("gateways serve on it with their password", async (t) => {
  const secret = await secrets(t);
  const nodes = await startNodes(t, secret, 6);
  await join(t, secret, nodes);
  const places = nodes.map(({ port }) => `127.0.0.1:${port}`).join(",");
  const gateway = await startGateway(t, { broker: `redis+cluster://ridecast@${places}?password_file=${secret.gateways}` });
  await becomes(t, gateway, 200);
  for (const ride of ["", "/line-1", "/line-2", "/line-3"]) await visit(t, gateway, ride);
  assert.doesNotMatch(gateway.program.stderr, /warn|error/);
  await gateway.stop();
});

test("a server that was alone keeps what it has, and gives two thirds of it away, even where that was broken off", async (t) => {
  const secret = await secrets(t);
  const nodes = await grown(t, secret);
  const script = joining(t, secret, nodes);
  await until(
    async () => Number(await cli(t, secret, nodes[1], "DBSIZE")) > 5,
    () => `waiting for slots to move\n${script.stdout}`,
  );
  await script.kill("SIGKILL");
  await join(t, secret, nodes);
  const { slots, replicas } = await shapeOf(t, secret, nodes[0]);
  assert.deepEqual(replicas, [1, 1, 1]);
  for (const count of slots) assert.ok(Math.abs(count - 5461) < 200, `${slots}`);
  await assertKept(t, secret, nodes[4]);
});

test("a node that was made anew takes the place that is free", async (t) => {
  const secret = await secrets(t);
  const nodes = await startNodes(t, secret, 6);
  await join(t, secret, nodes);
  const [gone, ...others] = nodes;
  await gone.stop("SIGKILL");
  await rm(gone.folder, { recursive: true });
  await until(
    async () => (await cli(t, secret, others[0], "CLUSTER", "NODES")).match(/master - \d+ \d+ \d+ connected \d/g)?.length === 3,
    () => "waiting for a replica in its place",
  );
  const anew = await Redis.start(t, { port: gone.port, conf: secret.conf, config: CLUSTER.split(" ") });
  await join(t, secret, nodes);
  const { slots, replicas } = await shapeOf(t, secret, others[0]);
  assert.deepEqual(slots, THREE.slots);
  assert.deepEqual(replicas.sort(), [1, 1, 1]);
  assert.match(await cli(t, secret, anew, "ROLE"), /^slave/);
});

test("an odd number, or too few, is refused", async (t) => {
  for (const count of [0, 4, 7]) {
    const script = joining(t, { password: "/dev/null" }, Array.from({ length: count }, (_, i) => ({ port: i + 1 })));
    assert.equal((await script.exited).code, 2);
    assert.match(script.stderr, /^usage: /);
  }
});
