// A WebSocket client that writes its frames by hand, so that it can write wrong ones.

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { TcpClient } from "./tcp.mjs";
import { readResponse } from "./http.mjs";

export const CONTINUATION = 0;
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

const MASKED = 0x80;
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

// The smallest header that can hold `length`, unless `wide` asks for the 64-bit form.
function lengthBytes(length, masked, wide) {
  if (length <= 125 && !wide) return Buffer.from([masked | length]);
  if (length <= 0xffff && !wide) {
    const bytes = Buffer.from([masked | 126, 0, 0]);
    bytes.writeUInt16BE(length, 1);
    return bytes;
  }
  const bytes = Buffer.alloc(9, masked | 127);
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

// `length` announces something else than the payload has.
export function frame(opcode, payload = "", { fin = true, rsv = 0, mask = true, wide = false, length } = {}) {
  const data = Buffer.from(payload);
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode]);
  const size = lengthBytes(length ?? data.length, mask ? MASKED : 0, wide);
  if (!mask) return Buffer.concat([head, size, data]);
  const key = randomBytes(4);
  for (let i = 0; i < data.length; i++) data[i] ^= key[i & 3];
  return Buffer.concat([head, size, key, data]);
}

export function closePayload(code, reason = "") {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(code);
  return Buffer.concat([bytes, Buffer.from(reason)]);
}

const HANDSHAKE = {
  Host: "localhost",
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Key": KEY,
  "Sec-WebSocket-Version": "13",
};

// The opening request; a header set to null is left out.
export function upgradeRequest(path, headers = {}, method = "GET") {
  const lines = Object.entries({ ...HANDSHAKE, ...headers }).filter(([, value]) => value !== null);
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

export const acceptOf = (key) =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

export class WebSocketClient {
  // `behind` is sent in the same segment as the opening request.
  static async open(t, server, path, { headers, behind = "" } = {}) {
    const tcp = await TcpClient.connect(t, server.port);
    tcp.send(Buffer.concat([Buffer.from(upgradeRequest(path, headers)), Buffer.from(behind)]));
    const client = new WebSocketClient(tcp);
    client.response = await readResponse(tcp);
    assert.equal(client.response.status, 101, client.response.body);
    assert.equal(client.response.headers["sec-websocket-accept"], acceptOf(headers?.["Sec-WebSocket-Key"] ?? KEY));
    return client;
  }

  constructor(tcp) {
    this.tcp = tcp;
  }

  send(text) {
    return this.tcp.send(frame(TEXT, text));
  }

  sendFrame(...args) {
    return this.tcp.send(frame(...args));
  }

  async frame() {
    const [first, second] = await this.tcp.read(2);
    assert.equal(first & 0x70, 0, "a reserved bit is set");
    assert.equal(second & MASKED, 0, "a server's frame is masked");
    let length = second & 0x7f;
    if (length === 126) length = (await this.tcp.read(2)).readUInt16BE();
    else if (length === 127) length = Number((await this.tcp.read(8)).readBigUInt64BE());
    return { fin: first >= 0x80, opcode: first & 0x0f, payload: await this.tcp.read(length) };
  }

  // One that comes as fragments is put together.
  async message(opcode) {
    const first = await this.frame();
    assert.equal(first.opcode, opcode, `opcode of ${JSON.stringify(first.payload.toString("latin1"))}`);
    const parts = [first.payload];
    for (let fin = first.fin; !fin; ) {
      const next = await this.frame();
      assert.equal(next.opcode, CONTINUATION);
      parts.push(next.payload);
      fin = next.fin;
    }
    return parts.length === 1 ? parts[0] : Buffer.concat(parts);
  }

  async text() {
    return (await this.message(TEXT)).toString();
  }

  // The server closes with this code (none: an empty close frame), hears the answer and ends the connection.
  async assertCloses(code) {
    const payload = await this.message(CLOSE);
    const expected = code === undefined ? Buffer.alloc(0) : closePayload(code);
    assert.deepEqual(
      payload.subarray(0, 2),
      expected,
      `close code ${payload.length ? payload.readUInt16BE() : "none"}`,
    );
    this.sendFrame(CLOSE, payload);
    assert.equal((await this.tcp.readToEnd()).length, 0);
  }
}

// A session on WebSocket alone, its open packet read.
export async function openEngine(t, server, options) {
  const client = await WebSocketClient.open(t, server, `${server.enginePath}?EIO=4&transport=websocket`, options);
  client.handshake = JSON.parse((await client.text()).slice(1));
  return client;
}
