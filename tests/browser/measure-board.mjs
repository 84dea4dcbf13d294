// How smooth the live board stays while a gateway tells it 500 events a second of a ride with 10,000 aboard:
//
//   npm run measure-board [SECONDS] [RIDERS] [EVENTS_A_SECOND]
//
// The 10,000 have boarded and lost their network since; with a long recovery window they stay aboard, and it costs
// this machine nothing to hold them while the page is measured. The events are of others, who come, board and exit.

import os from "node:os";
import { WebSocket } from "ws";
import { openPage, PAGES, startBrowser } from "../lib/browser.mjs";
import { startGateway } from "../lib/server.mjs";
import { scoped } from "../lib/cleanup.mjs";
import { sleep, until } from "../lib/wait.mjs";

const [seconds = 30, riders = 10_000, rate = 500] = process.argv.slice(2).map(Number);
const RIDE = "/line-7";
const ARRIVING = 200; // at once
const TICK_MS = 20;
// The board keeps the latest 10,000 events in an array that it halves when it holds twice as many.
const UNTIL_LOG_IS_FULL = 20_000;

// Boards over Socket.IO; `next` says what it does once everybody has been told. Resolves when its connection has ended.
function passes(gateway, name, next) {
  const socket = new WebSocket(`${gateway.url}/socket.io/?EIO=4&transport=websocket`);
  const say = (status) => `42${RIDE},1${JSON.stringify(["message", JSON.stringify({ id: name, name, status })])}`;
  socket.on("message", (data) => {
    const text = String(data);
    if (text.startsWith("0")) socket.send(`40${RIDE},`);
    else if (text.startsWith(`40${RIDE},`)) socket.send(say("boarding"));
    else if (text.startsWith(`43${RIDE},1`)) next(socket, () => socket.send(say("exiting")));
  });
  return new Promise((resolve, reject) => socket.on("close", resolve).on("error", reject));
}

async function fill(gateway) {
  let i = 0;
  const arrive = async () => {
    while (i < riders) await passes(gateway, `Rider ${i++}`, (socket) => socket.terminate());
  };
  await Promise.all(Array.from({ length: ARRIVING }, arrive));
}

// Two events for each of them.
function startVisits(gateway) {
  const visits = { told: 0, failed: null };
  const begin = performance.now();
  let begun = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - begin) * rate) / 2000;
    for (; begun < due; begun++)
      passes(gateway, `Visitor ${begun}`, (_, exit) => exit()).then(
        () => (visits.told += 2),
        (error) => (visits.failed = error),
      );
  }, TICK_MS);
  visits.stop = () => clearInterval(timer);
  return visits;
}

async function heapMb(page) {
  return page.evaluate(() => {
    gc();
    return performance.memory.usedJSHeapSize / 1e6;
  });
}

function frameTimes(page, ms) {
  return page.evaluate(
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
    ms,
  );
}

// What somebody does who looks for a rider.
async function use(page, ms) {
  const end = performance.now() + ms;
  const search = page.getByLabel("Search events");
  const list = page.getByRole("region", { name: "Events" }).last();
  while (performance.now() < end) {
    await search.pressSequentially("visitor 12", { delay: 100 });
    await list.hover();
    for (let i = 0; i < 10; i++) {
      await page.mouse.wheel(0, 400);
      await sleep(100);
    }
    await search.fill("");
    await sleep(1000);
  }
}

function print(what, frames) {
  frames.sort((a, b) => a - b);
  const at = (share) => frames[Math.floor((frames.length - 1) * share)].toFixed(1);
  const over = frames.filter((ms) => ms > 100).length;
  console.log(
    `${what}: ${frames.length} frames, median ${at(0.5)} ms, 99 % ${at(0.99)} ms, longest ${at(1)} ms, over 100 ms: ${over}`,
  );
}

await scoped(async (t) => {
  const gateway = await startGateway(t, { ...PAGES, recoveryWindow: 600_000 });
  await fill(gateway);
  const browser = await startBrowser(t, { args: ["--js-flags=--expose-gc", "--enable-precise-memory-info"] });
  const url = `${gateway.url}/board?ride=${RIDE}`;
  const page = await openPage(t, browser, url, { viewport: { width: 1280, height: 900 } });
  await page.getByText(`${riders.toLocaleString("en")} Riders aboard`).waitFor();
  await page.getByLabel("Search events").scrollIntoViewIfNeeded();

  const visits = startVisits(gateway);
  await until(() => visits.told >= UNTIL_LOG_IS_FULL, () => `${visits.told} events`, (UNTIL_LOG_IS_FULL / rate) * 3000);
  const before = { told: visits.told, at: performance.now(), heap: await heapMb(page) };
  const watched = await frameTimes(page, seconds * 1000);
  const [used] = await Promise.all([frameTimes(page, seconds * 1000), use(page, seconds * 1000 - 3000)]);
  const heap = await heapMb(page);
  const told = (visits.told - before.told) / ((performance.now() - before.at) / 1000);
  visits.stop();
  if (visits.failed) throw visits.failed;
  // It has lost count of nobody.
  await page.getByText(`${riders.toLocaleString("en")} Riders aboard`).waitFor();

  console.log(`${os.cpus()[0].model}, ${os.cpus().length} cores, Chromium ${browser.version()}`);
  console.log(`${riders} aboard, ${Math.round(told)} events/s, twice ${seconds} s`);
  print("looked at", watched);
  print("searched and scrolled", used);
  console.log(`JavaScript heap: ${before.heap.toFixed(1)} MB before, ${heap.toFixed(1)} MB after`);
});
