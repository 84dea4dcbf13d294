// --auth jwt: who is let in. A matrix of algorithms, faults and places of the token, directly and through nginx; it is
// printed as a table.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readResponse, request } from "../lib/http.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { startGateway } from "../lib/server.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { claimsOf, KEYS, LEEWAY, now, OTHER_KEYS, sign, token, tokenOptions } from "../lib/token.mjs";
import { openEngine, upgradeRequest } from "../lib/websocket.mjs";

const ALGORITHMS = ["HS256", "RS256", "ES256"];
const SETTINGS = { authIssuer: "https://issuer.example", authAudience: "ridecast" };
const OWN = { iss: SETTINGS.authIssuer, aud: SETTINGS.authAudience };

const claims = (more = {}) => ({ ...claimsOf("ann", OWN), ...more });
const json = (value) => JSON.stringify(value);
const made = (algorithm, more, header = {}) => token({ alg: algorithm, ...header }, claims(more), algorithm);
// The text of the claims, which a string may replace in part.
const rewritten = (algorithm, header, text) => token(header, text, algorithm);

function without(name) {
  const { [name]: _, ...rest } = claims();
  return rest;
}

function tampered(algorithm, at) {
  const parts = made(algorithm).split(".");
  const middle = parts[at].length >> 1;
  parts[at] = parts[at].slice(0, middle) + (parts[at][middle] === "A" ? "B" : "A") + parts[at].slice(middle + 1);
  return parts.join(".");
}

// The header and claims as another would sign them: the classical ways to be taken in.
function confused(algorithm) {
  const text = (alg) => `${Buffer.from(json({ alg })).toString("base64url")}.${Buffer.from(json(claims())).toString("base64url")}`;
  if (algorithm !== "HS256") {
    // A public key as the secret of an HMAC.
    const head = text("HS256");
    return `${head}.${sign(head, "HS256", { secret: KEYS[algorithm].publicKey })}`;
  }
  // An HMAC where a signature should be.
  const head = text("RS256");
  return `${head}.${sign(head, "HS256", KEYS.HS256)}`;
}

const cut = (algorithm) => made(algorithm).split(".");

// What is wrong: the token (algorithm => text), and the code of the answer.
const FAULTS = {
  "good": [(a) => made(a), "good"],
  "good, several audiences": [(a) => made(a, { aud: ["other", OWN.aud] }), "good"],
  "good, expired within the leeway": [(a) => made(a, { exp: now() - LEEWAY + 10 }), "good"],
  "good, valid soon within the leeway": [(a) => made(a, { nbf: now() + LEEWAY - 10 }), "good"],
  "good, rides as one string": [(a) => made(a, { rides: "/line-7 /x-*" }), "good"],
  "good, time with a fraction": [(a) => made(a, { exp: now() + 60.5, nbf: now() - 60.5 }), "good"],
  "good, a key of its own in the header": [(a) => made(a, {}, { jwk: { kty: "oct", k: "AAAA" }, jku: "https://evil.example" }), "good"],
  "none": [() => undefined, "missing"],
  "empty": [() => "", "missing"],
  "no JWT": [() => "word", "malformed"],
  "two parts": [(a) => cut(a).slice(0, 2).join("."), "malformed"],
  "four parts": [(a) => `${made(a)}.x`, "malformed"],
  "no signature": [(a) => `${cut(a).slice(0, 2).join(".")}.`, "signature"],
  "padded": [(a) => `${made(a)}=`, "malformed"],
  "of standard base64": [(a) => [cut(a)[0], cut(a)[1], "a+/b"].join("."), "malformed"],
  "a letter's spare bits set": [(a) => [`${Buffer.from(json({ alg: a, x: 1 })).toString("base64url")}`, cut(a)[1], "AB"].join("."), "malformed"],
  "too long": [(a) => made(a, { filler: "x".repeat(4096) }), "malformed"],
  "header no JSON": [(a) => rewritten(a, "{alg", claims()), "malformed"],
  "header a list": [(a) => rewritten(a, json([{ alg: a }]), claims()), "malformed"],
  "header of two objects": [(a) => rewritten(a, `${json({ alg: a })}{}`, claims()), "malformed"],
  "header with alg twice": [(a) => rewritten(a, `{"alg":"none","alg":"${a}"}`, claims()), "malformed"],
  "header with alg twice, escaped": [(a) => rewritten(a, `{"alg":"${a}","\\u0061lg":"${a}"}`, claims()), "malformed"],
  "header without alg": [(a) => token({ typ: "JWT" }, claims(), a), "malformed"],
  "alg a number": [(a) => token({ alg: 256 }, claims(), a), "malformed"],
  "alg none": [(a) => `${token({ alg: "none" }, claims(), a).split(".").slice(0, 2).join(".")}.`, "algorithm"],
  "alg None, signed": [(a) => token({ alg: "None" }, claims(), a), "algorithm"],
  "alg in small letters": [(a) => token({ alg: a.toLowerCase() }, claims(), a), "algorithm"],
  "alg HS512": [(a) => token({ alg: "HS512" }, claims(), a), "algorithm"],
  "another key's type": [confused, "signature"],
  "crit": [(a) => made(a, {}, { crit: ["exp"] }), "critical"],
  "crit and b64": [(a) => made(a, {}, { crit: ["b64"], b64: false }), "critical"],
  "kid a number": [(a) => made(a, {}, { kid: 7 }), "malformed"],
  "another's key": [(a) => token({ alg: a }, claims(), a, OTHER_KEYS[a]), "signature"],
  "claims tampered with": [(a) => tampered(a, 1), "signature"],
  "signature tampered with": [(a) => tampered(a, 2), "signature"],
  "claims no JSON": [(a) => rewritten(a, { alg: a }, '{"sub":'), "malformed"],
  "claims a list": [(a) => rewritten(a, { alg: a }, json([claims()])), "malformed"],
  "claims with exp twice": [(a) => rewritten(a, { alg: a }, `{"exp":1,${json(claims()).slice(1)}`), "malformed"],
  "no exp": [(a) => token({ alg: a }, without("exp"), a), "claims"],
  "exp text": [(a) => made(a, { exp: `${now() + 60}` }), "claims"],
  "exp beyond all time": [(a) => rewritten(a, { alg: a }, json(claims({ exp: 1 })).replace('"exp":1', '"exp":1e999')), "claims"],
  "exp negative": [(a) => made(a, { exp: -1 }), "claims"],
  "expired": [(a) => made(a, { exp: now() - LEEWAY - 1 }), "expired"],
  "not valid yet": [(a) => made(a, { nbf: now() + LEEWAY + 10 }), "early"],
  "another issuer": [(a) => made(a, { iss: "https://evil.example" }), "issuer"],
  "no issuer": [(a) => token({ alg: a }, without("iss"), a), "issuer"],
  "another audience": [(a) => made(a, { aud: "other" }), "audience"],
  "other audiences": [(a) => made(a, { aud: ["other", "ridecas", 7] }), "audience"],
  "no audience": [(a) => token({ alg: a }, without("aud"), a), "audience"],
  "sub a number": [(a) => made(a, { sub: 7 }), "claims"],
  "sub empty": [(a) => made(a, { sub: "" }), "claims"],
  "sub too long": [(a) => made(a, { sub: "x".repeat(129) }), "claims"],
  "sub with a NUL": [(a) => made(a, { sub: "ann\0" }), "claims"],
  "no rides": [(a) => token({ alg: a }, without("rides"), a), "ride"],
  "rides empty": [(a) => made(a, { rides: [] }), "ride"],
  "rides a number": [(a) => made(a, { rides: [7] }), "claims"],
  "other rides": [(a) => made(a, { rides: ["/line-8", "/line-70", "line-7", "/line-7/*"] }), "ride"],
};

const path = (query) => `/socket.io/?EIO=4&transport=websocket${query}`;

// Socket.IO: CONNECT's answer.
async function connect(t, server, auth, options) {
  const client = await openEngine(t, server, options);
  client.send(`40/line-7,${auth}`);
  const text = await client.text();
  if (text.startsWith("40/line-7,{")) return { code: "good" };
  assert.ok(text.startsWith("44/line-7,"), text);
  const { message, data } = JSON.parse(text.slice("44/line-7,".length));
  assert.equal(typeof message, "string");
  return { code: data.code, message };
}

// HTTP: status and text, which stand for the code.
function fromHttp({ status, headers, body }, good) {
  if (status === good) return { code: "good" };
  assert.match(headers["www-authenticate"], /^Bearer/);
  assert.ok([401, 403].includes(status), body);
  return { status, message: body.startsWith("{") ? JSON.parse(body).error : body.trim() };
}

async function upgrade(t, server, target, headers) {
  const tcp = await TcpClient.connect(t, server.port);
  tcp.send(upgradeRequest(target, headers));
  return fromHttp(await readResponse(tcp), 101);
}

const bearer = (text) => (text === undefined ? {} : { Authorization: `Bearer ${text}` });
const query = (text) => (text === undefined ? "" : `token=${encodeURIComponent(text)}`);

// A token that holds other bytes than a subprotocol may hold cannot be there.
const PLACES = {
  "auth.token": (t, server, text) => connect(t, server, text === undefined ? "" : json({ token: text })),
  "header": (t, server, text) => connect(t, server, "", { headers: bearer(text) }),
  "ws header": (t, server, text) => upgrade(t, server, "/ws/line-7", bearer(text)),
  "ws subprotocol": (t, server, text) =>
    upgrade(t, server, "/ws/line-7", { "Sec-WebSocket-Protocol": text === undefined ? "ridecast" : `ridecast, bearer.${text}` }),
  "ws query": (t, server, text) => upgrade(t, server, `/ws/line-7?${query(text)}`),
  "users header": async (t, server, text) =>
    fromHttp(await request(t, server, { path: "/api/users?ride=/line-7", headers: bearer(text) }), 200),
  "users query": async (t, server, text) =>
    fromHttp(await request(t, server, { path: `/api/users?ride=/line-7&${query(text)}` }), 200),
};

const WAYS = {
  "directly": async (t, gateway) => gateway,
  "through nginx": (t, gateway) => Nginx.start(t, [gateway]),
};

const STATUS = (code) => (code === "ride" ? 403 : 401);

for (const [way, front] of Object.entries(WAYS))
  test(`the matrix, ${way}`, async (t) => {
    const gateway = await startGateway(t, tokenOptions(t, { ...SETTINGS, trustedProxy: "127.0.0.1", badTokensPerAddress: 0 }));
    const server = await front(t, gateway);
    const messages = new Map();
    const table = [];
    let cells = 0;
    for (const [fault, [make, expected]] of Object.entries(FAULTS)) {
      const row = [fault.padEnd(38)];
      for (const [place, show] of Object.entries(PLACES)) {
        const answers = [];
        for (const algorithm of ALGORITHMS) {
          const answer = await show(t, server, make(algorithm));
          const where = `${fault}, ${algorithm}, ${place}: ${json(answer)}`;
          if (answer.code !== undefined) assert.equal(answer.code, expected, where);
          else assert.equal(answer.status, STATUS(expected), where);
          // One code, one message, wherever it is told.
          if (answer.message !== undefined) {
            assert.equal(messages.get(expected) ?? answer.message, answer.message, where);
            messages.set(expected, answer.message);
          }
          answers.push(answer.code ?? answer.status);
          cells++;
        }
        row.push(String(new Set(answers).size === 1 ? answers[0] : answers).padEnd(14));
      }
      table.push(row.join(" "));
    }
    const head = ["fault (HS256, RS256, ES256 alike)".padEnd(38), ...Object.keys(PLACES).map((place) => place.padEnd(14))];
    console.log(`${way}: ${cells} tokens\n${[head.join(" "), ...table].join("\n")}`);
    // Each bad token was counted once, and none was ever written down.
    const metrics = (await request(t, gateway, { path: "/metrics" })).body;
    const counted = [...metrics.matchAll(/^ridecast_tokens_refused_total\{.*\} (\d+)$/gm)].map(([, n]) => Number(n));
    const bad = Object.values(FAULTS).filter(([, code]) => code !== "good").length;
    assert.equal(counted.reduce((a, b) => a + b), bad * ALGORITHMS.length * Object.keys(PLACES).length);
    assert.match(gateway.program.stderr, /refused 127\.0\.0\.1 a client for its token on \/line-7: /);
    assert.doesNotMatch(gateway.program.stderr, /eyJ/);
  });
