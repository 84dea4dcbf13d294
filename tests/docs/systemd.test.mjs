// deploy/systemd: the environment file is what the program prints, and what it and the unit say, the program takes.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { runGateway } from "../lib/server.mjs";
import { within } from "../lib/wait.mjs";

const read = (name) => readFile(new URL(`../../deploy/systemd/${name}`, import.meta.url), "utf8");
const environment = await read("ridecast.env");

test("the environment file is that of --environment", async (t) => {
  const program = runGateway(t, ["--environment"]);
  await program.exited;
  assert.equal(program.stdout, environment, "build/release/gateway/ridecast-gateway --environment > deploy/systemd/ridecast.env");
});

test("every line of it is taken when it is no comment any more", async (t) => {
  const lines = environment.match(/^#RIDECAST_\w+=.*$/gm).map((line) => line.slice(1).split(/=(.*)/s));
  assert.ok(lines.length > 20);
  const program = runGateway(t, ["--listen", "127.0.0.1:0"], Object.fromEntries(lines));
  await program.printed(/^listening on /m);
  await program.stop();
});

test("the unit's command line is taken, and its limits fit the options", async (t) => {
  const unit = await read("ridecast@.service.in");
  const [, command] = unit.match(/ExecStart=\S+ridecast-gateway (.*)$/m);
  const program = runGateway(t, command.replace("%i", "0").split(" "));
  await within(program.printed(/^listening on 127\.0\.0\.1:/m), () => "listening");
  await program.stop();
  const number = (text, pattern) => Number(text.match(pattern)[1]);
  assert.ok(number(unit, /^LimitNOFILE=(\d+)$/m) > number(environment, /^#RIDECAST_MAX_CONNECTIONS=(\d+)$/m) + 256);
  // A client that does not read costs twice --send-buffer in the kernel; a quarter of all is --memory-budget.
  const option = (name) => number(environment, new RegExp(`^#RIDECAST_${name}=(\\d+)$`, "m"));
  const needed = option("MAX_CONNECTIONS") * (2 * option("SEND_BUFFER") + 5000) + option("QUEUE_BYTES");
  const compose = await readFile(new URL("../../docker-compose.yml", import.meta.url), "utf8");
  const limits = { unit: number(unit, /^MemoryMax=(\d+)G$/m), compose: number(compose, /^  gateway:.*?mem_limit: (\d+)g/ms) };
  for (const [where, gigabytes] of Object.entries(limits)) assert.ok(0.75 * gigabytes * 2 ** 30 > needed, `${where}: ${needed} bytes`);
  assert.ok(number(unit, /^TimeoutStopSec=(\d+)$/m) * 1000 > number(environment, /^#RIDECAST_DRAIN_TIMEOUT=(\d+)$/m) + 3000);
});
