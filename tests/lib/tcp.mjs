// A TCP client that says exactly what it is told and reads by bytes, patterns or to the end.

import assert from "node:assert/strict";
import net from "node:net";
import { onEnd } from "./cleanup.mjs";
import { sleep, within } from "./wait.mjs";

export class TcpClient {
  #chunks = [];
  #length = 0;
  #wake = () => {};

  // `localAddress`: where it comes from. `allowHalfOpen`: it keeps its side open when the peer ends.
  static async connect(t, port, options = {}) {
    const client = new TcpClient(net.connect({ port, host: "127.0.0.1", noDelay: true, ...options }));
    onEnd(t, () => client.destroy());
    await within(new Promise((resolve) => client.socket.once("connect", resolve)), () => "connecting");
    return client;
  }

  constructor(socket) {
    this.socket = socket;
    this.ended = false;
    socket.on("data", (bytes) => {
      this.#chunks.push(bytes);
      this.#length += bytes.length;
      this.#wake();
    });
    for (const event of ["end", "close"]) {
      socket.on(event, () => {
        this.ended = true;
        this.#wake();
      });
    }
    // A reset peer is an end like any other; `error` tells it apart.
    socket.on("error", (error) => (this.error = error));
  }

  // Resolves when the kernel has the bytes (or the connection is gone).
  send(bytes) {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  // Bytes received and not taken yet.
  get available() {
    return this.#length;
  }

  // The first `n` bytes, or all when n is absent, left in place.
  peek(n = this.#length) {
    if (this.#chunks.length > 1 && this.#chunks[0].length < n) this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks.length === 0 ? Buffer.alloc(0) : this.#chunks[0].subarray(0, n);
  }

  #take(n) {
    const bytes = this.peek(n);
    this.#chunks[0] = this.#chunks[0].subarray(n);
    if (this.#chunks[0].length === 0) this.#chunks.shift();
    this.#length -= n;
    return bytes;
  }

  async #until(ready, what) {
    if (ready()) return;
    const wait = async () => {
      while (!ready()) {
        if (this.ended) throw new Error(`the peer ended the connection: ${this.#state(what)}`);
        await new Promise((resolve) => (this.#wake = resolve));
      }
    };
    await within(wait(), () => this.#state(what));
  }

  #state(what) {
    return `${what}; so far ${this.#length} bytes ${JSON.stringify(this.peek().toString("latin1", 0, 300))}`;
  }

  async read(n) {
    await this.#until(() => this.#length >= n, `reading ${n} bytes`);
    return n === 0 ? Buffer.alloc(0) : this.#take(n);
  }

  // Up to and including `text`.
  async readUntil(text) {
    let at;
    await this.#until(() => (at = this.peek().indexOf(text)) >= 0, `reading until ${JSON.stringify(text)}`);
    return this.#take(at + Buffer.byteLength(text));
  }

  // Everything up to the peer's end of the connection.
  async readToEnd() {
    await this.#until(() => this.ended, "reading to the end");
    return this.#length === 0 ? Buffer.alloc(0) : this.#take(this.#length);
  }

  // Nothing comes and the connection stays, as far as `ms` can tell.
  async staysSilent(ms = 300) {
    await sleep(ms);
    assert.equal(this.peek().toString("latin1"), "");
    assert.equal(this.ended, false, "the connection should have stayed open");
  }

  end() {
    this.socket.end();
  }

  destroy() {
    this.socket.destroy();
  }

  reset() {
    this.socket.resetAndDestroy();
  }
}
