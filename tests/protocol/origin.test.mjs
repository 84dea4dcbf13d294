// From where a web page may connect: --cors-origin on HTTP and on WebSocket handshakes, directly and through nginx.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readResponse, request } from "../lib/http.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { Polling } from "../lib/polling.mjs";
import { runGateway, startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { within } from "../lib/wait.mjs";
import { upgradeRequest } from "../lib/websocket.mjs";

const LIST = "https://app.example.com, https://*.rides.example:8443";
const OPEN = "/socket.io/?EIO=4&transport=polling";

const ALLOWED = ["https://app.example.com", "https://a.rides.example:8443", "https://a.b.rides.example:8443"];
const REFUSED = [
  "https://evil.example",
  "http://app.example.com",
  "https://app.example.com:8443",
  "https://rides.example:8443",
  "https://evilrides.example:8443",
  "https://a.rides.example",
  "null",
];

async function upgrade(t, server, path, headers) {
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest(path, headers));
  return readResponse(tcp);
}

const DOORS = {
  "opening by polling": (t, server, headers) => request(t, server, { path: OPEN, headers }),
  "a Socket.IO WebSocket": (t, server, headers) =>
    upgrade(t, server, "/socket.io/?EIO=4&transport=websocket", headers),
  "a plain WebSocket": (t, server, headers) => upgrade(t, server, "/ws", headers),
  "who is aboard": (t, server, headers) => request(t, server, { path: "/api/users", headers }),
};

for (const [way, front] of Object.entries({
  "directly": async (t, gateway) => gateway,
  "through nginx": (t, gateway) => Nginx.start(t, [gateway]),
}))
  for (const [door, ask] of Object.entries(DOORS))
    test(`${door}, ${way}: the origins listed are served, others get 403, none passes`, async (t) => {
      const gateway = await startGateway(t, { corsOrigin: LIST, trustedProxy: "127.0.0.1" });
      const server = await front(t, gateway);
      const served = door.endsWith("WebSocket") ? 101 : 200;
      for (const origin of ALLOWED) {
        const { status, headers } = await ask(t, server, { Origin: origin });
        assert.equal(status, served, origin);
        if (door !== "a plain WebSocket") assert.equal(headers["access-control-allow-origin"], origin);
        assert.equal(headers["access-control-allow-credentials"], undefined);
      }
      for (const origin of REFUSED) {
        const { status, headers } = await ask(t, server, { Origin: origin });
        assert.equal(status, 403, origin);
        assert.equal(headers["access-control-allow-origin"], undefined);
      }
      assert.equal((await ask(t, server, {})).status, served);
    });

test("a session's own requests are judged like the one that opened it", async (t) => {
  const server = await startGateway(t, { corsOrigin: LIST });
  const { path } = await Polling.open(t, server);
  for (const method of ["GET", "POST"]) {
    const answer = await request(t, server, { method, path, body: method === "POST" ? "3" : undefined, headers: { Origin: REFUSED[0] } });
    assert.equal(answer.status, 403, method);
  }
  const upgraded = await upgrade(t, server, path.replace("polling", "websocket"), { Origin: REFUSED[0] });
  assert.equal(upgraded.status, 403);
  const good = await request(t, server, { method: "POST", path, body: "3", headers: { Origin: ALLOWED[1] } });
  assert.equal(good.status, 200);
});

test("a preflight of a stranger is not allowed anything", async (t) => {
  const server = await startGateway(t, { corsOrigin: LIST });
  const asked = { "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization" };
  for (const path of [OPEN, "/api/users"]) {
    const preflight = (origin) => request(t, server, { method: "OPTIONS", path, headers: { Origin: origin, ...asked } });
    assert.equal((await preflight(REFUSED[0])).headers["access-control-allow-origin"], undefined);
    const { status, headers } = await preflight(ALLOWED[1]);
    assert.equal(status, 204);
    assert.equal(headers["access-control-allow-origin"], ALLOWED[1]);
    assert.equal(headers["access-control-allow-headers"], "authorization");
  }
});

test("the scheme's own port may be written on the list, and by the client", async (t) => {
  const server = await startGateway(t, { corsOrigin: "https://a.example:443, HTTP://B.example:80 https://*.c.example:443" });
  const ask = (origin) => request(t, server, { path: OPEN, headers: { Origin: origin } });
  for (const origin of ["https://a.example", "http://b.example", "https://x.c.example", "https://a.example:443"]) {
    const { status, headers } = await ask(origin);
    assert.deepEqual([status, headers["access-control-allow-origin"]], [200, origin]);
  }
  for (const origin of ["http://a.example", "https://b.example", "https://c.example", "https://a.example:80"])
    assert.equal((await ask(origin)).status, 403, origin);
});

test("pages of web views may be listed", async (t) => {
  const listed = ["null", "file://", "capacitor://localhost", "ionic://localhost"];
  const server = await startGateway(t, { corsOrigin: listed.join(" ") });
  const ask = (door, origin) => DOORS[door](t, server, { Origin: origin });
  for (const door of Object.keys(DOORS)) {
    for (const origin of listed) assert.ok([101, 200].includes((await ask(door, origin)).status), `${door}, ${origin}`);
    for (const origin of ["file:///", "http://localhost", "nullx"]) assert.equal((await ask(door, origin)).status, 403);
  }
});

test("credentials are allowed to the origins listed, where that is wanted", async (t) => {
  const server = await startGateway(t, { corsOrigin: LIST, corsCredentials: "yes" });
  const allowed = async (options) => (await request(t, server, options)).headers["access-control-allow-credentials"];
  for (const path of [OPEN, "/api/users"]) {
    for (const method of ["GET", "OPTIONS"]) {
      assert.equal(await allowed({ method, path, headers: { Origin: ALLOWED[0] } }), "true", `${method} ${path}`);
      assert.equal(await allowed({ method, path, headers: { Origin: REFUSED[0] } }), undefined);
      assert.equal(await allowed({ method, path }), undefined);
    }
  }
  const socket = await DOORS["a Socket.IO WebSocket"](t, server, { Origin: ALLOWED[0] });
  assert.equal(socket.headers["access-control-allow-credentials"], "true");
});

test("credentials for any page at all stop the start with one line", async (t) => {
  const program = runGateway(t, ["--listen", "127.0.0.1:0", "--cors-credentials", "yes"]);
  const { code } = await within(program.exited, () => "the gateway should not have started");
  assert.ok(code > 0);
  assert.match(program.stderr, /^ridecast-gateway: .*--cors-origin.*--cors-credentials\n$/);
});

test("what no browser would send as its Origin stops the start with one line", async (t) => {
  for (const wrong of ["https://a.example/", "https://a.example:443/app", "wss://a.example", "http://127.1", "http://[1:2]"]) {
    const program = runGateway(t, ["--listen", "127.0.0.1:0", "--cors-origin", `https://good.example,${wrong}`]);
    const { code } = await within(program.exited, () => "the gateway should not have started");
    assert.ok(code > 0);
    assert.match(program.stderr, /^ridecast-gateway: .*--cors-origin.* is no list of origins; .*\n$/);
  }
});
