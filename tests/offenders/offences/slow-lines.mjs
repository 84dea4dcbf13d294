// Two kinds of slow line ask for a large answer: those over which bytes keep moving get all of it, however long it
// takes, and those that take nothing go.

import { get } from "../../lib/http.mjs";
import { sleep } from "../../lib/wait.mjs";

const LINES = 5;
const BYTES_PER_SECOND = 130_000;
const TICK_MS = 100;
const PATIENCE_MS = 40_000;

async function ask(address, gateway) {
  const tcp = await address.connect();
  tcp.socket.removeAllListeners("data");
  tcp.socket.pause();
  tcp.send(get(`/api/users?ride=${gateway.crowded}`, address.bearer));
  return tcp;
}

// Reads with a bounded buffer, so that the kernel cannot take the whole answer in the reader's place.
async function reads(address, gateway) {
  const { socket } = await ask(address, gateway);
  let head = "";
  let got = 0;
  let whole = Infinity;
  const end = performance.now() + PATIENCE_MS;
  while (got < whole && performance.now() < end) {
    const chunk = socket.read(Math.min(socket.readableLength, (BYTES_PER_SECOND * TICK_MS) / 1000));
    if (chunk) {
      got += chunk.length;
      if (whole === Infinity) {
        head += chunk.toString("latin1");
        const at = head.indexOf("\r\n\r\n");
        if (at >= 0) whole = at + 4 + Number(head.match(/^Content-Length: (\d+)/im)[1]);
      }
    } else if (socket.readableEnded || socket.destroyed) break;
    await sleep(TICK_MS);
  }
  address.hears(got === whole ? "slow: all of it" : "slow: cut off");
}

async function stalls(address, gateway) {
  const tcp = await ask(address, gateway);
  const end = performance.now() + PATIENCE_MS;
  // A socket that is not read does not tell its end; writing does.
  while (!tcp.ended && performance.now() < end) {
    tcp.send(" ");
    await sleep(TICK_MS);
  }
  address.hears(tcp.ended ? "stalled: cut off" : "stalled: still there");
}

export default {
  name: "slow lines",
  told: /^(?!.*slow: cut off)(?!.*still there).*slow: all of it/,
  async offence(address, gateway) {
    const lines = Array.from({ length: LINES }, () => [reads(address, gateway), stalls(address, gateway)]);
    await Promise.all(lines.flat());
  },
};
