// Draws the pages' main states for the documentation: npm run screenshots [FOLDER]
//
// Three gateways behind nginx, as deployed, so that the live board has a cluster to show. Needs pngquant (make pictures).

import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openPage, PAGES, startBrowser } from "../lib/browser.mjs";
import { scoped } from "../lib/cleanup.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { Relay } from "../lib/relay.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { Rider } from "../lib/rider.mjs";
import { sleep } from "../lib/wait.mjs";

const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/pictures", import.meta.url));
const PHONE = { viewport: { width: 390, height: 760 } };
const DESKTOP = { viewport: { width: 1100, height: 640 } };
const DARK = { colorScheme: "dark" };
const KOREAN = { locale: "ko-KR" };
const NAMES = ["Jane Doe", "홍길동", "Amira", "Luca", "Mei", "Noah", "이서연"];

async function shot(page, name, options) {
  const file = path.join(folder, `${name}.png`);
  await page.screenshot({ path: file, animations: "disabled", ...options });
  execFileSync("pngquant", ["--force", "--strip", "--quality=80-98", "--output", file, file]);
}

async function boards(t, gateway, ride, name) {
  const rider = await Rider.join(t, gateway, ride);
  rider.say({ id: name, name, status: "boarding" });
  await rider.event();
  return rider;
}

// Enough of a day to draw a line of.
async function traffic(t, gateways) {
  for (const [i, name] of NAMES.entries()) await boards(t, gateways[i % 3], "/line-7", name);
  for (let i = 0; i < 60; i++) {
    const name = `Rider ${i}`;
    const rider = await boards(t, gateways[i % 3], i % 4 === 0 ? "/line-7" : "/line-8", name);
    if (i % 3 === 0) rider.say({ id: name, name, status: "exiting" });
    await sleep(400);
  }
}

async function drawRide(t, browser, nginx, relay) {
  const empty = await RidePage.open(t, browser, `${nginx.url}/?ride=/line-9`, DESKTOP);
  await empty.page.getByText("Nobody is aboard yet.").waitFor();
  await shot(empty.page, "ride-empty");

  const refused = await RidePage.open(t, browser, `${nginx.url}/?ride=/elsewhere`, PHONE);
  await refused.says("Refused");
  await shot(refused.page, "ride-refused");

  const looks = { "ride-aboard": DESKTOP, "ride-phone": PHONE, "ride-dark": { ...DESKTOP, ...DARK } };
  for (const [name, options] of Object.entries(looks)) {
    const ride = await RidePage.open(t, browser, `${relay.url}/?ride=/line-7`, options);
    await ride.sees("Luca");
    await ride.boards("John Doe");
    await ride.sees("John Doe");
    await happenings(t, nginx);
    await ride.hears("Mia exited");
    await shot(ride.page, name);
    if (name === "ride-phone") await drawDrop(ride, nginx, relay);
    await ride.exits();
  }
}

async function happenings(t, nginx) {
  await boards(t, nginx, "/line-7", "Kim Minji");
  const mia = await boards(t, nginx, "/line-7", "Mia");
  mia.say({ id: "Mia", name: "Mia", status: "exiting" });
}

async function drawDrop(ride, nginx, relay) {
  relay.cut();
  await ride.says("Reconnecting");
  await shot(ride.page, "ride-reconnecting");
  relay.leadTo(nginx);
  await ride.says("nothing was missed");
  await shot(ride.page, "ride-recovered");
}

await mkdir(folder, { recursive: true });
await scoped(async (t) => {
  const options = { size: 3, nodeLease: 500, recoveryWindow: 2000, trustedProxy: "127.0.0.0/8", rides: "/line-*", ...PAGES };
  const { gateways } = await startCluster(t, options);
  const nginx = await Nginx.start(t, gateways);
  const relay = await Relay.start(t, nginx);
  const browser = await startBrowser(t);
  const live = `${nginx.url}/board?ride=/line-7&ride=/line-8`;
  const boardPages = {};
  const looks = { board: DESKTOP, "board-dark": { ...DESKTOP, ...DARK }, "board-phone-korean": { ...PHONE, ...KOREAN } };
  for (const [name, look] of Object.entries(looks)) boardPages[name] = await openPage(t, browser, live, look);
  await traffic(t, gateways);
  for (const [name, page] of Object.entries(boardPages)) await shot(page, name, { fullPage: true });

  await drawRide(t, browser, nginx, relay);
  const korean = await RidePage.open(t, browser, `${nginx.url}/?ride=/line-7`, { ...PHONE, ...KOREAN });
  await korean.page.locator(".people li").first().waitFor();
  await shot(korean.page, "ride-phone-korean");

  await gateways[0].kill();
  await boardPages.board.getByText(/gone for \d+ s/).first().waitFor();
  await shot(boardPages.board, "board-gateway-down", { fullPage: true });
});
