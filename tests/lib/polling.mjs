// An Engine.IO session over HTTP long-polling, request by request.

import assert from "node:assert/strict";
import { exchange, request, serverHasRead } from "./http.mjs";

export const SEPARATOR = "\x1e";

export const SESSION_UNKNOWN = '{"code":1,"message":"Session ID unknown"}';
export const BAD_REQUEST = '{"code":3,"message":"Bad request"}';

export class Polling {
  // `headers`: of the first request.
  static async open(t, server, { headers } = {}) {
    const session = new Polling(t, server);
    const { status, body } = await request(t, server, { path: session.path, headers });
    assert.equal(status, 200, body);
    session.handshake = JSON.parse(body.slice(1));
    session.sid = session.handshake.sid;
    session.path += `&sid=${session.sid}`;
    return session;
  }

  constructor(t, server) {
    this.t = t;
    this.server = server;
    this.path = `${server.enginePath}?EIO=4&transport=polling`;
  }

  get upgradePath() {
    return this.path.replace("transport=polling", "transport=websocket");
  }

  get() {
    return request(this.t, this.server, { path: this.path });
  }

  post(body, headers = { "Content-Type": "text/plain;charset=UTF-8" }) {
    return request(this.t, this.server, { method: "POST", path: this.path, headers, body });
  }

  // A GET that the server has read and holds; `packets` settles with its answer.
  async hold() {
    const pending = exchange(this.t, this.server, { path: this.path });
    pending.packets = pending.response.then(packetsOf);
    pending.packets.catch(() => {});
    await pending.sent;
    await serverHasRead(this.t, this.server);
    return pending;
  }

  async poll() {
    return packetsOf(await this.get());
  }

  async send(...packets) {
    const { status, body } = await this.post(packets.join(SEPARATOR));
    assert.deepEqual({ status, body }, { status: 200, body: "ok" });
  }

  // Asks by POST, since a GET would be held by a session that lives.
  async isGone() {
    const { status, body } = await this.post("3");
    return status === 400 && body === SESSION_UNKNOWN;
  }

  async assertAlive() {
    await this.send("3");
  }
}

function packetsOf({ status, body }) {
  assert.equal(status, 200, body);
  return body.split(SEPARATOR);
}
