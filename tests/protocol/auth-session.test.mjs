// --auth jwt while a client is connected: as whom it may board, its token's end, its return, and new keys.

import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { test } from "node:test";
import { request } from "../lib/http.mjs";
import { Client, MODES } from "../lib/official.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { runGateway, startGateway } from "../lib/server.mjs";
import { inPacket } from "../lib/socketio.mjs";
import { claimsOf, goodToken, KeyFiles, KEYS, LEEWAY, now, OTHER_KEYS, token, tokenOptions } from "../lib/token.mjs";
import { until } from "../lib/wait.mjs";
import { openEngine, WebSocketClient } from "../lib/websocket.mjs";

const SOON = () => now() - LEEWAY + 2;
const as = (sub, former = {}, more = {}) => ({ token: goodToken(sub, more), ...former });

// The code of the refusal; undefined: let in.
async function refusal(t, server, text, ride = "/") {
  const client = await openEngine(t, server);
  client.send(`40${inPacket(ride)}${JSON.stringify({ token: text })}`);
  const answer = await client.text();
  return answer.startsWith("44") ? JSON.parse(answer.slice(answer.indexOf("{"))).data.code : undefined;
}

test("a bearer boards and exits as the subject of its token alone", async (t) => {
  const server = await startGateway(t, tokenOptions(t));
  const ann = await Rider.join(t, server, "/", as("ann"));
  for (const status of ["boarding", "exiting"]) {
    const answer = ann.ask('"message"', JSON.stringify(JSON.stringify(user("bob", status))));
    assert.deepEqual(await answer(), { ok: false, error: "the user is not the token's subject" });
    await ann.hearsException();
  }
  ann.say(user("ann"));
  await ann.hears("userBoarded", user("ann"));
});

test("sixteen bad tokens in a row end a Socket.IO connection, a good one between begins anew", async (t) => {
  const server = await startGateway(t, tokenOptions(t));
  const client = await openEngine(t, server);
  const shows = async (text) => {
    client.send(`40${JSON.stringify({ token: text })}`);
    return (await client.text()).slice(0, 2);
  };
  for (let round = 0; round < 4; round++) {
    for (let i = 0; i < 15; i++) assert.equal(await shows("bad"), "44");
    assert.equal(await shows(goodToken("ann")), "40");
    client.send("41");
  }
  for (let i = 0; i < 16; i++) assert.equal(await shows("bad"), "44");
  await client.assertCloses();
});

for (const mode of Object.keys(MODES))
  test(`the official client, ${mode}: when its token ends it comes back with a new one and has been aboard all the time`, async (t) => {
    const server = await startGateway(t, tokenOptions(t));
    const others = await Rider.join(t, server, "/", as("bob"));
    let exp = SOON();
    const auth = (give) => give(as("ann", {}, { exp }));
    const client = await Client.connect(t, server, mode, { auth });
    client.say(user("ann"));
    await others.hears("userBoarded", user("ann"));
    exp = now() + 3600;
    await client.back();
    assert.equal(client.socket.recovered, true);
    assert.ok(client.events.some(({ name, record }) => name === "exception" && record.message === "the token has expired"));
    assert.equal((await others.activeUsers()).users.length, 1);
  });

test("a plain WebSocket is told of its token's end and closed with 4401", async (t) => {
  const server = await startGateway(t, tokenOptions(t));
  const text = goodToken("ann", { exp: SOON() });
  const headers = { "Sec-WebSocket-Protocol": `ridecast, bearer.${text}` };
  const client = await WebSocketClient.open(t, server, "/ws", { headers });
  assert.equal(client.response.headers["sec-websocket-protocol"], "ridecast");
  assert.deepEqual(JSON.parse(await client.text()), {
    event: "exception",
    data: { status: "error", message: "the token has expired" },
  });
  await client.assertCloses(4401);
});

test("only a token of the same subject brings a socket back", async (t) => {
  const server = await startGateway(t, tokenOptions(t));
  const ann = await Rider.join(t, server, "/", as("ann"));
  const { sid, pid } = ann;
  const thief = await Rider.join(t, server, "/", as("bob", { pid }));
  assert.notEqual(thief.sid, sid);
  assert.equal(await refusal(t, server, undefined), "missing");
  ann.say(user("ann"));
  await ann.hears("userBoarded", user("ann"));
  assert.equal((await Rider.join(t, server, "/", as("ann", { pid }))).sid, sid);
});

const jwk = (key, more) => ({ ...createPublicKey(key.publicKey).export({ format: "jwk" }), ...more });

test("keys are read anew at SIGHUP, and a bad file leaves them as they were", async (t) => {
  const files = new KeyFiles(t);
  const write = (text) => files.write("jwks.json", text);
  const set = (...keys) => JSON.stringify({ keys });
  const server = await startGateway(t, { auth: "jwt", authKeysFile: write(set(jwk(KEYS.ES256, { kid: "one" }))) });
  const made = (kid, keys) => token({ alg: "ES256", kid }, claimsOf("ann"), "ES256", keys.ES256);
  const one = made("one", KEYS);
  const two = made("two", OTHER_KEYS);
  const hangUp = async (said) => {
    server.program.child.kill("SIGHUP");
    await until(() => server.program.stderr.includes(said), () => server.program.stderr);
  };
  assert.equal(await refusal(t, server, one), undefined);
  assert.equal(await refusal(t, server, two), "key");
  assert.equal(await refusal(t, server, token({ alg: "ES256" }, claimsOf("ann"))), "key");
  assert.equal(await refusal(t, server, token({ alg: "HS256" }, claimsOf("ann"), "HS256", { secret: KEYS.ES256.publicKey })), "algorithm");
  write("{");
  await hangUp("the keys stay as they were");
  assert.equal(await refusal(t, server, one), undefined);
  write(set(jwk(OTHER_KEYS.ES256, { kid: "two" })));
  await hangUp("read the keys anew: 1");
  assert.equal(await refusal(t, server, one), "key");
  assert.equal(await refusal(t, server, two), undefined);
});

test("SIGHUP ends no gateway that has nothing to read anew", async (t) => {
  const server = await startGateway(t);
  server.program.child.kill("SIGHUP");
  await until(() => server.program.stderr.includes("nothing to read anew"), () => server.program.stderr);
  assert.equal((await request(t, server, { path: "/healthz" })).status, 200);
});

for (const [name, args, said] of [
  ["jwt without keys", ["--auth", "jwt"], /--auth-keys-file or --auth-secret-file/],
  ["keys without jwt", ["--auth-keys-file", "/x"], /give --auth jwt as well/],
  ["a file that is not there", ["--auth", "jwt", "--auth-keys-file", "/nowhere"], /cannot read \/nowhere/],
])
  test(`${name} stops the start with one line`, async (t) => {
    const program = runGateway(t, ["--listen", "127.0.0.1:0", ...args]);
    const { code } = await program.exited;
    assert.notEqual(code, 0);
    assert.match(program.stderr, said);
    assert.equal(program.stderr.trim().split("\n").length, 1);
  });

for (const [listen, options, warns] of [
  ["0.0.0.0:0", {}, true],
  ["127.0.0.1:0", {}, false],
  ["0.0.0.0:0", { auth: "jwt" }, false],
])
  test(`on ${listen} with --auth ${options.auth ?? "none"} there is ${warns ? "a" : "no"} warning`, async (t) => {
    const server = await startGateway(t, { listen, ...(options.auth ? tokenOptions(t) : {}) });
    await request(t, server, { path: "/healthz" });
    assert.equal(/anybody who reaches .* may board as anybody/.test(server.program.stderr), warns);
  });
