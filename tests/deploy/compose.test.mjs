// docker-compose.yml: exact versions, secrets of one's own, who reaches whom, and that nobody takes all there is.
// (compose-cluster.test.mjs has docker-compose.cluster.yml.)

import assert from "node:assert/strict";
import { chmod, cp, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { becomes } from "../lib/cluster.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { filesIn, run } from "../lib/install.mjs";
import { ROOT } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";
import { Redis } from "../lib/redis.mjs";
import { startGateway } from "../lib/server.mjs";
import { visit } from "../lib/visit.mjs";

const read = (name) => readFile(path.join(ROOT, name), "utf8");

async function compose(t, file = "docker-compose.yml") {
  const toJson = "import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)";
  const { stdout } = await run(t, "/usr/bin/python3", ["-c", toJson, path.join(ROOT, file)]);
  return JSON.parse(stdout);
}

const COMPOSE = ["docker-compose.yml", "docker-compose.cluster.yml"];

const EXACT = /^[\w/-]+:v?\d+\.\d+(\.\d+)?(-slim)?(@sha256:[0-9a-f]{64})?$/;

// All images that somebody else has made.
async function images(t) {
  const files = await Promise.all(COMPOSE.map((file) => compose(t, file)));
  const services = files.flatMap((file) => Object.values(file.services));
  const named = services.filter(({ image, build }) => image && !build).map(({ image }) => image);
  const dockerfile = await read("deploy/Dockerfile");
  const [, base] = dockerfile.match(/^ARG DEBIAN=(\S+)$/m);
  for (const [, from] of dockerfile.matchAll(/^FROM (\S+)/gm)) assert.equal(from, "$DEBIAN");
  return [...named, base];
}

test("every image is one version", async (t) => {
  for (const image of await images(t)) assert.match(image, EXACT);
});

test("no password is in the file, in .env, or has a default", async () => {
  for (const name of [...COMPOSE, ".env.example"])
    assert.doesNotMatch(await read(name), /requirepass|REDISCLI_AUTH|PASSWORD\b(?!__FILE)|redis:\/\/\w*:/, name);
});

test("only who has to talk to each other shares a network", async (t) => {
  const { services, networks } = await compose(t);
  const pairs = [];
  const names = Object.keys(services).filter((name) => services[name].networks);
  for (const [i, a] of names.entries())
    for (const b of names.slice(i + 1))
      if (services[a].networks.some((network) => services[b].networks.includes(network))) pairs.push(`${a} ${b}`);
  assert.deepEqual(pairs, ["redis gateway", "gateway nginx", "gateway prometheus", "gateway k6", "nginx k6", "prometheus grafana"]);
  assert.equal(services.secrets.network_mode, "none");
  // What has a way out, or is published, is neither Redis nor a gateway.
  const open = Object.keys(networks).filter((name) => !networks[name].internal);
  const outside = names.filter((name) => services[name].networks.some((network) => open.includes(network)));
  assert.deepEqual(outside, ["nginx", "prometheus", "grafana"]);
  assert.deepEqual(names.filter((name) => services[name].ports), outside);
  assert.deepEqual(services.nginx.ports, ["8080:8080"]);
  for (const name of ["prometheus", "grafana"]) assert.match(services[name].ports[0], /^127\.0\.0\.1:/);
});

test("each sees its own secrets alone", async (t) => {
  const { services } = await compose(t);
  for (const [name, { volumes = [] }] of Object.entries(services)) {
    const secrets = volumes.filter((volume) => /-secret:/.test(volume));
    if (name === "secrets") continue;
    assert.deepEqual(secrets, ["gateway", "redis", "grafana"].includes(name) ? [`${name}-secret:/secrets:ro`] : []);
  }
});

test("each has bounds of memory, of processes and of its log", async (t) => {
  for (const [name, service] of Object.entries((await compose(t)).services)) {
    assert.match(service.mem_limit, /^(\d+[mg]|\$\{\w+:-\d+[mg]\})$/, name);
    assert.ok(service.pids_limit > 0, name);
    assert.ok(service.logging.options["max-size"] && service.logging.options["max-file"], name);
  }
});

const SECRETS = path.join(ROOT, "deploy/secrets.sh");

async function makeSecrets(t) {
  const folder = temporaryFolder(t, "secrets");
  await run(t, SECRETS, [folder]);
  return { folder, text: (name) => readFile(path.join(folder, name), "utf8") };
}

test("secrets are random, for one user each, and stay", async (t) => {
  const [one, other] = [await makeSecrets(t), await makeSecrets(t)];
  const files = ["gateway/redis-password", "grafana/password", "redis/admin-password", "redis/redis.conf"];
  assert.deepEqual(await filesIn(one.folder), files);
  const owners = { gateway: 10001, grafana: 472, redis: 999 };
  for (const name of files) {
    const { mode, uid } = await stat(path.join(one.folder, name));
    assert.equal(mode & 0o777, 0o400, name);
    assert.equal(uid, process.getuid() === 0 ? owners[name.split("/")[0]] : process.getuid(), name);
  }
  const texts = [];
  for (const name of files.slice(0, 3)) for (const made of [one, other]) texts.push(await made.text(name));
  for (const text of texts) assert.match(text, /^[0-9a-f]{48}$/);
  assert.equal(new Set(texts).size, 6);
  const conf = await one.text("redis/redis.conf");
  assert.ok(!conf.includes(texts[0]), "Redis keeps a hash");
  await run(t, SECRETS, [one.folder]);
  const stayed = await Promise.all(files.map((name) => one.text(name)));
  assert.deepEqual(stayed, [texts[0], texts[2], texts[4], conf]);
});

test("Redis takes a gateway with them, which serves, and nobody else", async (t) => {
  const { folder, text } = await makeSecrets(t);
  const redis = await Redis.start(t, { conf: path.join(folder, "redis/redis.conf") });
  const [, user, file] = (await compose(t)).services.gateway.environment.RIDECAST_BROKER.match(/^redis:\/\/(\w+)@redis\?password_file=\/secrets\/(.*)$/);
  const broker = `redis://${user}@127.0.0.1:${redis.port}?password_file=${folder}/gateway/${file}`;
  const gateway = await startGateway(t, { broker });
  await becomes(t, gateway, 200);
  await visit(t, gateway);
  assert.doesNotMatch(gateway.program.stderr, /warn|error/);
  const password = await text(`gateway/${file}`);
  assert.ok(!gateway.program.stderr.includes(password));
  for (const command of [["GET", "ridecast:layout"], ["PUBLISH", "ridecast:x", "x"], ["CONFIG", "GET", "*"], ["FLUSHALL"]])
    await assert.rejects(redis.command(...command), /NOPERM|NOAUTH/, command.join(" "));
  await gateway.stop();
});

// Both of Compose's files.
const joined = async (text) => (await Promise.all(COMPOSE.map(text))).join("\n");

// A docker that has the images and no registry, or whatever `answers` says.
async function pin(t, answers) {
  const folder = temporaryFolder(t, "pin");
  await mkdir(path.join(folder, "bin"));
  await writeFile(path.join(folder, "bin/docker"), `#!/bin/sh\n${answers}\n`);
  await chmod(path.join(folder, "bin/docker"), 0o755);
  await mkdir(path.join(folder, "deploy"));
  for (const name of [...COMPOSE, "deploy/Dockerfile", "deploy/pin-images.sh"]) await cp(path.join(ROOT, name), path.join(folder, name));
  const { exited } = startProgram(t, path.join(folder, "deploy/pin-images.sh"), [], { PATH: `${folder}/bin:${process.env.PATH}` });
  const text = async (name) => readFile(path.join(folder, name), "utf8");
  return { code: (await exited).code, compose: await joined(text), dockerfile: await text("deploy/Dockerfile") };
}

const VERSIONS = `run) case "$7" in
  debian:trixie-slim) echo 14.5 ;;
  redis:8) echo "Redis server v=9.10.11 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64 build=1" ;;
  nginx:stable) echo "nginx version: nginx/2.32.1" >&2 ;;
  prom/prometheus:latest) echo "prometheus, version 4.0.1 (branch: HEAD, revision: 1.2)" ;;
  grafana/grafana:latest) echo "grafana version 20.0.3" ;;
  grafana/k6:latest) echo "k6 v2.9.1 (commit/1, go1.30.1, linux/amd64)" ;;
  *) exit 1 ;;
esac ;;`;
const RENEWED = ["debian:14.5-slim", "redis:9.10.11", "nginx:2.32.1", "prom/prometheus:v4.0.1", "grafana/grafana:20.0.3", "grafana/k6:2.9.1"];
const all = (file) => [...file.matchAll(/(?:image: |DEBIAN=)(\S+:\S+)/g)].map(([, image]) => image);

test("images are renewed, with their digests", async (t) => {
  const digest = `@sha256:${"0123456789abcdef".repeat(4)}`;
  const renewed = await pin(t, `case $1 in pull) ;; ${VERSIONS} image) echo "\${5%:*}${digest}" ;; esac`);
  assert.equal(renewed.code, 0);
  const found = new Set([...all(renewed.dockerfile), ...all(renewed.compose)]);
  assert.deepEqual([...found].sort(), RENEWED.map((image) => image + digest).sort());
  for (const image of found) assert.match(image, EXACT);
  const unpinned = (text) => text.replaceAll(/((?:image: |DEBIAN=)[\w/]+):\S+/g, "$1");
  assert.equal(unpinned(renewed.compose), unpinned(await joined(read)));
  assert.equal(unpinned(renewed.dockerfile), unpinned(await read("deploy/Dockerfile")));
});

test("where no registry answers, with the versions that are here", async (t) => {
  const renewed = await pin(t, `case $1 in pull) exit 1 ;; ${VERSIONS} image) echo ;; esac`);
  assert.equal(renewed.code, 0);
  assert.deepEqual([...new Set([...all(renewed.dockerfile), ...all(renewed.compose)])].sort(), [...RENEWED].sort());
});

test("and not at all where one of them is missing", async (t) => {
  const kept = await pin(t, `case $1 in pull) exit 1 ;; ${VERSIONS.replace("grafana/k6:latest", "none")} image) echo ;; esac`);
  assert.notEqual(kept.code, 0);
  assert.equal(kept.compose, await joined(read));
  assert.equal(kept.dockerfile, await read("deploy/Dockerfile"));
});
