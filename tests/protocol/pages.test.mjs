// The gateway's own pages: health, readiness, metrics and who is aboard.

import assert from "node:assert/strict";
import { test } from "node:test";
import { startGateway } from "../lib/server.mjs";
import { request } from "../lib/http.mjs";
import { OFFSET, Rider, user } from "../lib/rider.mjs";
import { until } from "../lib/wait.mjs";

test("/healthz says that the process lives", async (t) => {
  const server = await startGateway(t);
  assert.equal((await request(t, server, { path: "/healthz" })).status, 200);
});

test("/readyz says when the broker is up", async (t) => {
  const server = await startGateway(t);
  const ready = async () => (await request(t, server, { path: "/readyz" })).status === 200;
  await until(ready, () => "waiting for /readyz");
});

test("HEAD on a page gets its length without the body", async (t) => {
  const server = await startGateway(t);
  const { status, headers, body } = await request(t, server, { method: "HEAD", path: "/healthz" });
  assert.deepEqual([status, body], [200, ""]);
  assert.ok(Number(headers["content-length"]) > 0);
});

test("/metrics is Prometheus text and counts transitions", async (t) => {
  const server = await startGateway(t);
  const rider = await Rider.join(t, server);
  rider.say(user("u"));
  await rider.hears("userBoarded", user("u"));
  const { status, headers, body } = await request(t, server, { path: "/metrics" });
  assert.equal(status, 200);
  assert.match(headers["content-type"], /^text\/plain; ?version=0\.0\.4/);
  assert.match(body, /^ridecast_transitions_total\{result="ok"\} 1$/m);
  const lines = body.trimEnd().split("\n");
  for (const line of lines)
    assert.match(line, /^(# (HELP|TYPE) (ridecast|process)_\w+ .+|(ridecast|process)_\w+(\{[^}]*\})? -?[0-9.e+-]+)$/);
  const typed = lines.filter((line) => line.startsWith("# TYPE")).map((line) => line.split(" ")[2]);
  assert.equal(new Set(typed).size, typed.length, "a metric is declared twice");
});

async function aboard(t, server, query = "") {
  const { status, headers, body } = await request(t, server, { path: `/api/users${query}` });
  assert.equal(status, 200, body);
  assert.match(headers["content-type"], /^application\/json/);
  return JSON.parse(body);
}

test("/api/users tells who is aboard a ride and up to which event", async (t) => {
  const server = await startGateway(t);
  const main = await Rider.join(t, server);
  const seven = await Rider.join(t, server, "/line-7");
  main.say(user("main", "boarding", { seat: 1 }));
  seven.say(user("seven"));
  const offsets = {
    "": await main.hears("userBoarded", user("main", "boarding", { seat: 1 })),
    "?ride=/line-7": await seven.hears("userBoarded", user("seven")),
  };
  assert.deepEqual(await aboard(t, server), { offset: offsets[""], users: [user("main", "boarding", { seat: 1 })] });
  assert.deepEqual(await aboard(t, server, "?ride=/"), await aboard(t, server));
  assert.deepEqual(await aboard(t, server, "?ride=%2Fline-7"), {
    offset: offsets["?ride=/line-7"],
    users: [user("seven")],
  });
});

test("/api/users of a ride nobody is on is empty", async (t) => {
  const server = await startGateway(t);
  const { offset, users } = await aboard(t, server, "?ride=/nobody");
  assert.match(offset, OFFSET);
  assert.deepEqual(users, []);
});

test("/api/users refuses what cannot be a ride's name", async (t) => {
  const server = await startGateway(t, { rides: "/line-*" });
  for (const ride of ["line-7", "/a%20b", "/%00", "/%zz", `/${"x".repeat(200)}`, "/bus", "/line-7/", "//line-7"]) {
    const { status, body } = await request(t, server, { path: `/api/users?ride=${ride}` });
    assert.equal(status, 400, ride);
    assert.match(JSON.parse(body).error, /^Invalid ride: /);
  }
});

for (const path of ["/api/users", "/api/cluster"]) {
  const allowed = async (t, server, headers, status = 200) => {
    const answer = await request(t, server, { path, headers });
    assert.equal(answer.status, status);
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
    return [answer.headers["access-control-allow-origin"], answer.headers.vary];
  };

  test(`${path} may be read by any web page`, async (t) => {
    const server = await startGateway(t);
    for (const headers of [{}, { Origin: "http://elsewhere.example" }])
      assert.deepEqual(await allowed(t, server, headers), ["*", undefined]);
  });

  test(`${path} may be read by the web pages listed`, async (t) => {
    const server = await startGateway(t, { corsOrigin: "http://one.example http://two.example" });
    for (const origin of ["http://one.example", "http://two.example"])
      assert.deepEqual(await allowed(t, server, { Origin: origin }), [origin, "Origin"]);
    assert.deepEqual(await allowed(t, server, {}), [undefined, "Origin"]);
    for (const headers of [{ Origin: "http://elsewhere.example" }, { Origin: "null" }])
      assert.deepEqual(await allowed(t, server, headers, 403), [undefined, "Origin"]);
  });
}

test("pages are read with GET", async (t) => {
  const server = await startGateway(t);
  for (const path of ["/healthz", "/metrics", "/api/users", "/api/cluster"]) {
    const { status } = await request(t, server, { method: "POST", path, body: "x" });
    assert.ok([404, 405].includes(status), `${path} ${status}`);
    assert.equal((await request(t, server, { path })).status, 200);
  }
});
