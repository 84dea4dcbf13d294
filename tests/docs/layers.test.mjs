// Which room of the house may include what, read off the #include lines; and no circles: neither between the rooms
// of gateway/ nor between the files of one room. Run with node, it prints the layers, from roof to ground.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";

// A room is a folder of its own, without the folders in it. `is` is what README.md says of it. `may` names what its
// files include of other rooms: a whole room, or single headers, where more would be a mistake. What is said of a file
// under `besides` it alone may include.
const ROOMS = {
  common: {
    is: "modules that know neither clients nor Redis: options, log, clock, mailbox, blobs, ids, JSON text, user record, metrics",
    may: [],
  },
  broker: {
    is: "the contract between gateway and broker (`broker.h`), and riders kept in this process alone (`memory.c`)",
    may: ["common"],
  },
  "broker/redis": {
    is: "riders shared through Redis: connections, transitions, watched rides, leases, the reaping of dead gateways; the Lua scripts are in `scripts/`",
    may: ["common", "broker"],
  },
  "gateway/net": {
    is: "connections, HTTP, the frames of WebSocket, timers, limits by address",
    may: ["common"],
  },
  "gateway/rides": {
    is: "riders and what becomes of their boardings, who is aboard, and the fan-out of a ride's events to its members",
    // Timers, frames, what was refused and what each address may; no connection.
    may: [
      "common",
      "broker/broker.h",
      "gateway/net/bucket.h",
      "gateway/net/parcel.h",
      "gateway/net/peers.h",
      "gateway/net/refusals.h",
      "gateway/net/shares.h",
      "gateway/net/timers.h",
      "gateway/net/ws.h",
    ],
  },
  "gateway/auth": {
    is: "who may connect: tokens (JWT), their claims and keys",
    may: [
      "common",
      "gateway/net/http.h",
      "gateway/net/peers.h",
      "gateway/net/refusals.h",
      "gateway/net/timers.h",
      "gateway/net/ws.h",
      "gateway/rides/ride_list.h",
    ],
  },
  "gateway/protocol": {
    is: "Engine.IO and Socket.IO: packets, sessions, namespaces",
    // State machines without connections, but for the endpoint.
    may: [
      "common",
      "gateway/net/bucket.h",
      "gateway/net/peers.h",
      "gateway/net/refusals.h",
      "gateway/net/slice.h",
      "gateway/net/timers.h",
      "gateway/net/traffic.h",
      "gateway/net/ws.h",
      "gateway/rides/outlet.h",
    ],
    besides: { "endpoint.c": ["gateway/net/cors.h", "gateway/net/link.h"] },
  },
  "gateway/pages": {
    is: "`/metrics`, `/api`, `/healthz`, `/readyz` and the web client's files",
    may: ["common", "broker/broker.h", "gateway/net", "gateway/rides", "gateway/auth", "gateway/protocol"],
  },
  gateway: {
    is: "the roof: `main.c` and `gateway.c` put the parts together, `sio_riders.c` and `plain_riders.c` turn clients' messages into riders' and answers into acks, `drain.c` lets clients go",
    may: ["common", "broker/broker.h", "gateway/net", "gateway/rides", "gateway/auth", "gateway/protocol", "gateway/pages"],
  },
};

// --- the tree: of each file, what it includes and where

const root = new URL("../../", import.meta.url);

const includes = (text) =>
  text
    .split("\n")
    .map((line, at) => ({ line: at + 1, target: line.match(/^\s*#\s*include\s+"([^"]+)"/)?.[1] }))
    .filter(({ target }) => target);

async function readTree() {
  const tree = {};
  for (const folder of ["common", "broker", "gateway"])
    for (const entry of await readdir(new URL(folder, root), { recursive: true }))
      if (/\.[ch]$/.test(entry)) {
        const file = `${folder}/${entry}`;
        tree[file] = includes(await readFile(new URL(file, root), "utf8"));
      }
  return tree;
}

const roomOf = (file) => file.slice(0, file.lastIndexOf("/"));

// --- what is wrong with it

function allowed(file, target) {
  const room = ROOMS[roomOf(file)];
  const name = file.slice(roomOf(file).length + 1);
  return [roomOf(file), ...room.may, ...(room.besides?.[name] ?? [])].some((it) => it === target || it === roomOf(target));
}

// Lines that say where a rule is broken, and which.
const broken = (tree) =>
  Object.entries(tree).flatMap(([file, list]) =>
    !ROOMS[roomOf(file)]
      ? [`${file}:1: ${roomOf(file)} is no room; name it in tests/docs/layers.test.mjs and the README`]
      : list
          .filter(({ target }) => !allowed(file, target))
          .map(({ line, target }) => {
            const { may, besides } = ROOMS[roomOf(file)];
            const single = besides ? `; and ${Object.entries(besides).map(([name, more]) => `${name} of ${more.join(", ")}`)}` : "";
            return `${file}:${line}: includes ${target}; ${roomOf(file)} may include of others: ${may.join(", ") || "nothing"}${single}`;
          }),
  );

// Who includes whom, once files are taken together by `nodeOf` (undefined: left out): { node: { other: "file:line" } }.
function graph(tree, nodeOf) {
  const nodes = {};
  for (const [file, list] of Object.entries(tree)) {
    const from = nodeOf(file);
    if (!from) continue;
    nodes[from] ??= {};
    for (const { line, target } of list) {
      const to = nodeOf(target);
      if (to && to !== from) nodes[from][to] ??= `${file}:${line}`;
    }
  }
  return nodes;
}

const rooms = (file) => (/^gateway\b/.test(file) ? roomOf(file) : undefined);
const filesOf = (room) => (file) => (roomOf(file) === room ? file.match(/(\w+)\.[ch]$/)?.[1] : undefined); // x.c and x.h are one
const redisFiles = filesOf("broker/redis");

// From the ground up, each node in the lowest layer above all that it includes. What remains is in circles, or above.
function layersOf(nodes) {
  const layers = [];
  const left = new Set(Object.keys(nodes));
  for (;;) {
    const layer = [...left].filter((node) => !Object.keys(nodes[node]).some((other) => left.has(other)));
    if (!layer.length) return { layers, left };
    layer.forEach((node) => left.delete(node));
    layers.push(layer.sort());
  }
}

// A circle as a line, such as "a → b (b.h:3) → a (…)"; undefined: there is none.
function circle(nodes) {
  const { left } = layersOf(nodes);
  if (!left.size) return undefined;
  const way = [];
  let node = [...left][0];
  while (!way.includes(node)) {
    way.push(node);
    node = Object.keys(nodes[node]).find((other) => left.has(other));
  }
  const around = [...way.slice(way.indexOf(node)), node];
  return around.map((to, at) => (at ? `${to} (${nodes[around[at - 1]][to]})` : to)).join(" → ");
}

const print = (t, title, nodes) => {
  const { layers, left } = layersOf(nodes);
  t.diagnostic(`${title}, from roof to ground:`);
  if (left.size) t.diagnostic(`  in circles, or above one: ${[...left].sort().join(" ")}`);
  for (const layer of layers.reverse()) t.diagnostic(`  ${layer.join(" ")}`);
};

// --- the house

const tree = await readTree();

test("no room includes what it may not", () => assert.deepEqual(broken(tree), []));

for (const [title, nodeOf] of [
  ["the rooms of gateway/", rooms],
  ...Object.keys(ROOMS).map((room) => [`the files of ${room}/`, filesOf(room)]),
])
  test(`no circle between ${title}`, (t) => {
    const nodes = graph(tree, nodeOf);
    print(t, title, nodes);
    assert.equal(circle(nodes), undefined);
  });

test("every table hashes with the process' key: uthash comes through common/hash.h alone", async () => {
  const texts = await Promise.all(Object.keys(tree).map(async (file) => [file, await readFile(new URL(file, root), "utf8")]));
  const direct = texts.filter(([, text]) => /^\s*#\s*include\s+[<"]uthash\.h[>"]/m.test(text)).map(([file]) => file);
  assert.deepEqual(direct, ["common/hash.h"]);
});

test("the READMEs have a row for each room", async () => {
  const rows = async (name) =>
    [...(await readFile(new URL(name, root), "utf8")).matchAll(/^\| `([\w/]+)\/` \| (.*) \|$/gm)].map(([, ...row]) => row);
  const english = Object.fromEntries(await rows("README.md"));
  const korean = Object.fromEntries(await rows("README.ko.md"));
  for (const [room, { is }] of Object.entries(ROOMS)) {
    assert.equal(english[room], is);
    assert.ok(korean[room], `README.ko.md says nothing of ${room}/`);
  }
});

// --- the test's own

const planted = (more) => ({ ...tree, ...Object.fromEntries(Object.entries(more).map(([file, text]) => [file, includes(text)])) });

test("a forbidden include is found, with its line and the rule", () => {
  const found = (file, text) => broken(planted({ [file]: text }));
  assert.deepEqual(found("gateway/net/planted.c", '/* x */\n#include "gateway/rides/ride.h"\n'), [
    "gateway/net/planted.c:2: includes gateway/rides/ride.h; gateway/net may include of others: common",
  ]);
  assert.deepEqual(found("common/planted.h", '# include "broker/broker.h" // why\n'), [
    "common/planted.h:1: includes broker/broker.h; common may include of others: nothing",
  ]);
  assert.match(found("gateway/rides/planted.c", '#include "gateway/net/link.h"')[0], /^gateway\/rides\/planted\.c:1: /);
  assert.match(found("gateway/pages/planted.c", '#include "broker/backend.h"')[0], /^gateway\/pages\/planted\.c:1: /);
  assert.match(found("gateway/protocol/planted.c", '#include "gateway/net/link.h"')[0], /and endpoint\.c of gateway\/net\/cors\.h, /);
  assert.match(found("gateway/cellar/planted.c", "")[0], /gateway\/cellar is no room/);
  assert.deepEqual(found("gateway/net/planted.c", '// #include "gateway/rides/ride.h"\n#include <stdio.h>\n'), []);
});

test("a circle is found, with its lines", () => {
  const between = planted({ "gateway/net/planted.c": '\n#include "gateway/pages/pages.h"\n' });
  assert.match(circle(graph(between, rooms)), /gateway\/pages \(gateway\/net\/planted\.c:2\)/);
  const inside = {
    "broker/redis/a.c": includes('#include "broker/redis/a.h"\n#include "broker/redis/b.h"'),
    "broker/redis/b.c": includes('#include "broker/redis/c.h"'),
    "broker/redis/c.h": includes('\n#include "broker/redis/a.h"'),
    "broker/redis/d.c": includes('#include "broker/redis/a.h"'),
  };
  assert.equal(
    circle(graph(inside, redisFiles)),
    "a → b (broker/redis/a.c:2) → c (broker/redis/b.c:1) → a (broker/redis/c.h:2)",
  );
  delete inside["broker/redis/c.h"];
  assert.equal(circle(graph(inside, redisFiles)), undefined);
});
