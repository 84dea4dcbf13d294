// An address that offenders come from: its connections, all that went over them, and what it was told.

import { get, readResponse } from "../lib/http.mjs";
import { TcpClient } from "../lib/tcp.mjs";
import { inPacket } from "../lib/socketio.mjs";
import { WebSocketClient, upgradeRequest } from "../lib/websocket.mjs";

export const SOCKETIO = "/socket.io/?EIO=4&transport=websocket";
export const POLLING = "/socket.io/?EIO=4&transport=polling";

export class Address {
  #ended = { sent: 0, received: 0 };
  #open = new Set();
  #http = null;

  constructor(t, gateway, host) {
    Object.assign(this, { t, gateway, host, told: new Map() });
    this.id = `stranger-${host}`;
    this.token = gateway.token(this.id);
  }

  // What CONNECT shows.
  get auth() {
    return { token: this.token, recover: false };
  }

  // A line of a request's head.
  get bearer() {
    return `Authorization: Bearer ${this.token}\r\n`;
  }

  // Counts it.
  hears(text) {
    this.told.set(text, (this.told.get(text) ?? 0) + 1);
  }

  // Of bytes, with all connections, those that have ended included.
  get traffic() {
    const traffic = { ...this.#ended };
    for (const socket of this.#open) add(traffic, socket);
    return traffic;
  }

  async connect() {
    const tcp = await TcpClient.connect(this.t, this.gateway.port, { localAddress: this.host });
    this.#open.add(tcp.socket);
    tcp.socket.once("close", () => this.#open.delete(tcp.socket) && add(this.#ended, tcp.socket));
    return tcp;
  }

  // Answers to requests that are sent at once, over a connection that is kept; null where it ended before.
  async ask(...requests) {
    if (!this.#http || this.#http.ended) this.#http = await this.connect();
    this.#http.send(requests.join(""));
    const answers = [];
    try {
      while (answers.length < requests.length) answers.push(await readResponse(this.#http));
    } catch {
      this.#http.destroy();
    }
    return requests.map((_, i) => answers[i] ?? null);
  }

  get(path, headers) {
    return this.ask(get(path, headers));
  }

  // Null, and what it heard, where it is not let in.
  async webSocket(path, headers) {
    const tcp = await this.connect();
    tcp.send(upgradeRequest(path, headers));
    const answer = await readResponse(tcp).catch(() => null);
    if (answer?.status === 101) return new WebSocketClient(tcp);
    this.hears(answer ? said(answer) : "cut off");
    tcp.destroy();
    return null;
  }

  // On a ride over Socket.IO, by default as who does not come back; null where it is not let in.
  async join(ride, auth = this.auth) {
    const client = await this.webSocket(SOCKETIO);
    if (!client) return null;
    try {
      await client.text(); // the open packet
      client.send(`40${inPacket(ride)}${JSON.stringify(auth)}`);
      const answer = await client.text();
      if (answer.startsWith("40")) {
        client.socket = JSON.parse(answer.slice(2 + inPacket(ride).length));
        return client;
      }
      this.hears(reasonIn(answer));
    } catch {
      this.hears("cut off");
    }
    client.tcp.destroy();
    return null;
  }
}

function add(traffic, socket) {
  traffic.sent += socket.bytesWritten;
  traffic.received += socket.bytesRead;
}

// An answer in a few words.
export const said = ({ status, body }) => (status < 300 ? String(status) : `${status} ${body.trim()}`);

// Reads on until the gateway says what was wrong with a message that has no ack; answers that. `passing` hears all
// before it.
export async function nextException(client, ride, passing = () => {}) {
  for (;;) {
    const text = await client.text();
    if (text.startsWith(`42${ride}["exception"`)) return reasonIn(text);
    passing(text);
  }
}

// Why something was refused, in any packet of the gateway's; undefined: it was not.
export function reasonIn(packet) {
  const [, text] = packet.match(/"(?:message|error)":("(?:[^"\\]|\\.)*")/) ?? [];
  return text && JSON.parse(text);
}
