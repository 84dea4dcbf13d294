// Draws the pages' main states into a folder: node browser/screenshots.mjs FOLDER

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { openPage, servePages, startBrowser } from "../lib/browser.mjs";
import { Rider } from "../lib/rider.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { Relay } from "../lib/relay.mjs";
import { startGateway } from "../lib/server.mjs";
import { sleep } from "../lib/wait.mjs";

const folder = process.argv[2];
if (!folder) throw new Error("usage: node browser/screenshots.mjs FOLDER");
await mkdir(folder, { recursive: true });

const DEVICES = { phone: { width: 390, height: 844 }, desktop: { width: 1200, height: 800 } };
const NAMES = ["Jane Doe", "홍길동", "Amira", "Luca", "Mei", "Noah", "이서연"];

// What the helpers of the tests want of a test.
const undo = [];
const t = { after: (step) => undo.unshift(step) };

const gateway = await startGateway(t);
const relay = await Relay.start(t, gateway);
const url = await servePages(t, relay);
const browser = await startBrowser(t);

const shot = (page, ...name) => page.screenshot({ path: path.join(folder, `${name.join("-")}.png`) });

async function boards(ride, name) {
  const rider = await Rider.join(t, gateway, ride);
  rider.say({ id: name, name, status: "boarding" });
  await rider.event();
  return rider;
}

const looks = ["phone", "desktop"].flatMap((device) => ["light", "dark"].map((colour) => [device, colour]));
const boardPages = [];
for (const [device, colour] of looks)
  boardPages.push([
    device,
    colour,
    await openPage(t, browser, `${url}/board?ride=/line-7&ride=/line-8`, {
      colorScheme: colour,
      viewport: DEVICES[device],
    }),
  ]);
for (const name of NAMES) await boards("/line-7", name);
for (let i = 0; i < 60; i++) {
  const rider = await boards("/line-8", `Rider ${i}`);
  if (i % 3 === 0) rider.say({ id: `Rider ${i}`, name: `Rider ${i}`, status: "exiting" });
  await sleep(400);
}
for (const [device, colour, page] of boardPages) await shot(page, "board", device, colour);

for (const [device, colour] of looks) {
  const options = { colorScheme: colour, viewport: DEVICES[device] };
  const ride = await RidePage.open(t, browser, `${url}/?ride=/line-7`, options);
  await ride.sees("Luca");
  await shot(ride.page, "ride", device, colour);
  await ride.boards("John Doe");
  await shot(ride.page, "aboard", device, colour);
  relay.cut();
  await ride.says("Reconnecting");
  await shot(ride.page, "reconnecting", device, colour);
  relay.leadTo(gateway);
  await ride.says("nothing was missed");
  await ride.exits();
}
const korean = await RidePage.open(t, browser, `${url}/?ride=/line-7`, { locale: "ko-KR", viewport: DEVICES.phone });
await korean.page.locator(".people li").first().waitFor();
await shot(korean.page, "ride-phone-korean");

for (const step of undo) await step();
