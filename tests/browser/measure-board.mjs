// How smooth the live board stays with 10,000 riders aboard and 500 events a second:
//
//   node browser/measure-board.mjs [SECONDS] [RIDERS] [EVENTS_A_SECOND]
//
// It measures the page alone: what the gateway would tell it comes from here, over a real WebSocket.

import http from "node:http";
import { WebSocketServer } from "ws";
import { openPage, servePages, startBrowser } from "../lib/browser.mjs";
import { sleep } from "../lib/wait.mjs";

const [seconds = 30, riders = 10_000, rate = 500] = process.argv.slice(2).map(Number);
const TICK_MS = 20;

const record = (i) => ({ id: `rider-${i}`, name: `Rider ${i}`, status: "boarding" });
const aboard = new Map(Array.from({ length: riders }, (_, i) => [i, record(i)]));
let told = 0;
let next = riders;

// One boards, one of those aboard exits, in turn.
function event() {
  told++;
  const boards = told % 2 === 1;
  const [first] = aboard.keys();
  const i = boards ? next++ : first;
  if (boards) aboard.set(i, record(i));
  else aboard.delete(i);
  const about = { ...record(i), status: boards ? "boarding" : "exiting" };
  return `42${JSON.stringify([boards ? "userBoarded" : "userExited", about, `${told}-AAAAAAAA`])}`;
}

const OPEN = { sid: "sid", upgrades: [], pingInterval: 60_000, pingTimeout: 60_000, maxPayload: 1_000_000 };

const server = http.createServer((_, answer) => answer.writeHead(404).end());
const sockets = new WebSocketServer({ server });
sockets.on("connection", (socket) => {
  socket.send(`0${JSON.stringify(OPEN)}`);
  socket.on("message", (data) => {
    const text = String(data);
    if (text.startsWith("40")) socket.send(`40${JSON.stringify({ sid: "s", pid: "p" })}`);
    const ask = /^42(\d+)\["activeUsers"/.exec(text);
    if (ask) socket.send(`43${ask[1]}${JSON.stringify([{ offset: `${told}-AAAAAAAA`, users: [...aboard.values()] }])}`);
  });
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const undo = [];
const t = { after: (step) => undo.unshift(step) };
const url = await servePages(t, { url: `http://127.0.0.1:${server.address().port}` });
const browser = await startBrowser(t, { args: ["--js-flags=--expose-gc", "--enable-precise-memory-info"] });
const page = await openPage(t, browser, `${url}/board`, { viewport: { width: 1280, height: 900 } });
await page.getByText(/^Live/).waitFor();
await page.getByRole("region", { name: "Events" }).getByRole("textbox").or(page.getByRole("searchbox")).first().scrollIntoViewIfNeeded();

let due = 0;
const feed = setInterval(() => {
  for (due += (rate * TICK_MS) / 1000; due >= 1; due--) {
    const text = event();
    for (const socket of sockets.clients) socket.send(text);
  }
}, TICK_MS);

const heapMb = () =>
  page.evaluate(() => {
    gc();
    return performance.memory.usedJSHeapSize / 1e6;
  });

// The log of events is full after a while; from then on nothing may grow.
await sleep(3000);
const before = { told, heap: await heapMb() };
const frames = await page.evaluate(
  (ms) =>
    new Promise((resolve) => {
      const times = [];
      let last = performance.now();
      const end = last + ms;
      requestAnimationFrame(function frame(now) {
        times.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(frame);
        else resolve(times);
      });
    }),
  seconds * 1000,
);
const heap = await heapMb();
clearInterval(feed);

frames.sort((a, b) => a - b);
const at = (share) => frames[Math.floor((frames.length - 1) * share)].toFixed(1);
console.log(`${aboard.size} riders, ${Math.round((told - before.told) / seconds)} events/s, ${seconds} s`);
console.log(`frames: ${frames.length}; median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms`);
console.log(`heap: ${before.heap.toFixed(1)} MB, then ${heap.toFixed(1)} MB`);

for (const step of undo) await step();
sockets.close();
for (const socket of sockets.clients) socket.terminate();
server.close();
