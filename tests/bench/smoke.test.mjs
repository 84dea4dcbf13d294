// The benchmark's own parts at a small size, so that they never rot: no time is judged here.

import { built } from "../lib/places.mjs";
import assert from "node:assert/strict";
import { test } from "node:test";
import { UNLIMITED, startGateway } from "../lib/server.mjs";
import { startProgram } from "../lib/process.mjs";
import { measure } from "./load.mjs";
import { inRedis } from "./rows.mjs";

const SMALL = ["--clients", "20", "--rate", "100", "--window", "1000", "--warmup", "100"];

async function load(t, port, ...args) {
  const program = startProgram(t, built("tests/bench/bench-load"), ["--ports", String(port), ...SMALL, ...args]);
  const { code } = await program.exited;
  assert.ok(program.stdout, program.stderr);
  return { code, ...JSON.parse(program.stdout) };
}

async function startFloor(t, ...args) {
  const program = startProgram(t, built("tests/bench/bench-floor"), args);
  return (await program.printed(/listening on .*:(\d+)$/m))[1];
}

const checks = ({ code, lost, repeated, disordered, malformed }) => ({ code, lost, repeated, disordered, malformed });
const CLEAN = { code: 0, lost: 0, repeated: 0, disordered: 0, malformed: 0 };

test("the gateway loses, doubles and disorders nothing, in either dialect and on several rides", async (t) => {
  const { port, program } = await startGateway(t, UNLIMITED);
  for (const args of [[], ["--dialect", "plain"], ["--rides", "5", "--publishers", "2"]]) {
    const result = await load(t, port, "--server-pids", String(program.child.pid), ...args);
    assert.deepEqual(checks(result), CLEAN);
    assert.ok(result.deliveriesPerSecond > 0 && result.cpuNsPerDelivery > 0 && result.residentBytes > 0);
  }
});

test("transitions are acknowledged, idle clients counted", async (t) => {
  const { port } = await startGateway(t, UNLIMITED);
  const result = await load(t, port, "--mode", "transitions", "--rides", "19", "--publishers", "1", "--depth", "4");
  assert.deepEqual(checks(result), CLEAN);
  assert.ok(result.acked > 0);
  const idle = await load(t, port, "--mode", "connect", "--hold", "50");
  assert.ok(idle.connectionsPerSecond > 0);
});

for (const redis of ["one", "cluster"])
  test(`what Redis uses for a transition is measured, and what is missing there: ${redis}`, async () => {
    const shape = { clients: 61, rides: 20, publishers: 3, depth: 2 };
    const options = { mode: "transitions", ...shape, window: 300, warmup: 100, drain: 500 };
    const result = await measure("ridecast", { redis }, options, inRedis);
    assert.equal(result.error, undefined);
    assert.ok(result.acked > 0 && result.redisCpuNsPerTransition > 0);
    assert.equal(result.missing, 0);
  });

test("a ramp ends", async (t) => {
  const result = await load(t, await startFloor(t), "--mode", "ramp", "--window", "20", "--warmup", "0", "--factor", "1000");
  assert.equal(result.lost, 0);
});

for (const [spoilt, wanted] of [
  [[], CLEAN],
  [["--drop", "50"], { ...CLEAN, code: 2, lost: 20 }],
  [["--double", "50"], { ...CLEAN, code: 2, repeated: 20 }],
  [["--swap", "50"], { ...CLEAN, code: 2, disordered: 20 }],
])
  test(`the load generator notices: floor ${spoilt.join(" ") || "unspoilt"}`, async (t) => {
    const port = await startFloor(t, ...spoilt);
    assert.deepEqual(checks(await load(t, port, "--publishers", "1")), wanted);
  });
