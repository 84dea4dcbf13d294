// What compose's file and the unit leave a gateway that is broken into, and that a gateway can work with it.

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../lib/folder.mjs";
import { run } from "../lib/install.mjs";
import { ROOT } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { visit } from "../lib/visit.mjs";

const PYTHON = "/usr/bin/python3";
const PROFILE = path.join(ROOT, "deploy/seccomp.json");
const read = (name) => readFile(path.join(ROOT, name), "utf8");

const filtered = (profile) => [PYTHON, path.join(ROOT, "tests/lib/filtered.py"), profile];

async function serves(t, profile) {
  const server = await startGateway(t, { broker: (await Redis.start(t)).url, under: filtered(profile) });
  await visit(t, server);
  await server.stop();
}

// The names of a set of systemd's, those of the sets in it included.
async function callsOf(t, set) {
  const { stdout } = await run(t, "systemd-analyze", ["syscall-filter", set]);
  const names = [...stdout.matchAll(/^ +([@\w-]+)$/gm)].map(([, name]) => name);
  const expanded = await Promise.all(names.map((name) => (name.startsWith("@") ? callsOf(t, name) : [name])));
  return expanded.flat();
}

// The unit's filter as a profile of Docker's.
async function profileOfUnit(t) {
  const lines = (await read("deploy/systemd/ridecast@.service.in")).matchAll(/^SystemCallFilter=(~?)(@[\w-]+)$/gm);
  const allowed = new Set(await callsOf(t, "@default"));
  for (const [, not, set] of lines)
    for (const name of await callsOf(t, set)) if (not) allowed.delete(name);
    else allowed.add(name);
  const file = path.join(temporaryFolder(t, "profile"), "profile.json");
  const syscalls = [{ names: [...allowed], action: "SCMP_ACT_ALLOW" }];
  await writeFile(file, JSON.stringify({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 1, syscalls }));
  return file;
}

test("a gateway serves with the system calls of the unit", async (t) => serves(t, await profileOfUnit(t)));

test("a gateway serves with the system calls of deploy/seccomp.json", (t) => serves(t, PROFILE));

test("so does the image's health check", async (t) => {
  const server = await startGateway(t);
  const [, check] = (await read("deploy/Dockerfile")).match(/^HEALTHCHECK .*\\\n *("exec .*")\]$/m);
  const command = JSON.parse(check.replaceAll("127.0.0.1/3000", `127.0.0.1/${server.port}`));
  const [python, ...args] = [...filtered(PROFILE), "bash", "-c", command];
  await run(t, python, args);
});

for (const [what, ...command] of [
  ["look into other processes", PYTHON, "-c", "import ctypes; exit(ctypes.CDLL(None).ptrace(0, 0, 0, 0))"],
  ["make namespaces", "unshare", "--user", "true"],
])
  test(`nobody can ${what} with those`, async (t) => {
    const [python, ...args] = filtered(PROFILE);
    await run(t, python, [...args, "true"]);
    const { code } = await startProgram(t, python, [...args, ...command]).exited;
    assert.ok(code > 0, `exit status ${code}`);
  });

test("no service of compose's file can gain privileges or change its image", async (t) => {
  const toJson = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
  const { stdout } = await run(t, PYTHON, ["-c", toJson, path.join(ROOT, "docker-compose.yml")]);
  const { services } = JSON.parse(stdout);
  for (const [name, service] of Object.entries(services)) {
    assert.ok(service.security_opt.includes("no-new-privileges:true"), name);
    assert.ok(!service.security_opt.some((option) => option.includes("unconfined")), name);
    assert.deepEqual(service.cap_drop, ["ALL"], name);
    assert.ok(!service.cap_add || name === "secrets", name);
    assert.equal(service.read_only, true, name);
    assert.equal(service.privileged, undefined, name);
  }
  assert.ok(services.gateway.security_opt.includes("seccomp:deploy/seccomp.json"));
});
