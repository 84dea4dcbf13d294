// docker-compose.cluster.yml on top of docker-compose.yml: what Compose makes of both.

import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "../lib/install.mjs";
import { ROOT } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";

const FILES = ["docker-compose.yml", "docker-compose.cluster.yml"];

async function compose(t) {
  const files = FILES.flatMap((name) => ["-f", name]);
  const { stdout } = await run(t, "sh", ["-c", 'cd "$0" && exec docker-compose "$@"', ROOT, ...files, "config"]);
  const toJson = startProgram(t, "/usr/bin/python3", ["-c", "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"], {}, { stdin: "pipe" });
  toJson.child.stdin.end(stdout);
  await toJson.exited;
  return JSON.parse(toJson.stdout);
}

const NODES = ["redis", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"];

// Compose 2 writes { type, source, target }, 1.29 "source:target:mode".
const mounts = ({ volumes = [] }) =>
  volumes.map((volume) => (volume.source ? `${volume.source}:${volume.target}` : volume.split(":").slice(0, 2).join(":")));

test("six nodes, each with its own data, Redis' secrets and an address that stays", async (t) => {
  const { services, networks } = await compose(t);
  const [{ subnet, ip_range }] = networks.shards.ipam.config;
  assert.match(`${subnet} ${ip_range}`, /^([\d.]+)\.0\/24 \1\.0\/25$/); // others get addresses below .128
  const addresses = NODES.map((name) => services[name].networks.shards.ipv4_address);
  assert.equal(new Set(addresses).size, NODES.length);
  for (const address of addresses) assert.ok(address.startsWith(subnet.replace("0/24", "")) && Number(address.split(".")[3]) > 128);
  for (const name of NODES) {
    const service = services[name];
    assert.deepEqual(mounts(service).sort(), [`${name}:/data`, "redis-secret:/secrets"].sort());
    assert.deepEqual(service.command, services.redis.command);
    assert.ok(service.command.includes("--cluster-enabled"));
    assert.deepEqual(service.healthcheck, services.redis.healthcheck);
    assert.equal(service.user, "999:999");
    assert.equal(service.ports, undefined);
    assert.ok(service.read_only && service.mem_limit && service.pids_limit > 0);
    assert.ok(mounts(services.secrets).some((mount) => mount.startsWith(`${name}:/data`)), name);
  }
});

test("they are joined as gateways start, which know them all and share a network with them alone", async (t) => {
  const { services, networks } = await compose(t);
  const joiner = services["redis-cluster"];
  assert.deepEqual(joiner.command, ["/redis-cluster.sh", ...NODES]);
  assert.deepEqual(Object.keys(joiner.depends_on).sort(), NODES);
  assert.ok(!joiner.restart || joiner.restart === "no");
  assert.equal(services.gateway.depends_on["redis-cluster"].condition, "service_started");
  assert.equal(
    services.gateway.environment.RIDECAST_BROKER,
    `redis+cluster://ridecast@${NODES.join(",")}?password_file=/secrets/redis-password`,
  );
  assert.equal(networks.shards.internal, true);
  const there = Object.keys(services).filter((name) => "shards" in (services[name].networks ?? {}));
  assert.deepEqual(there.sort(), ["gateway", "redis-cluster", ...NODES].sort());
});
