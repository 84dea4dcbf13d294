// One person with several devices, in Chromium: whatever becomes of one device, every page, the live board and the
// gateway say the same of who is aboard.

import assert from "node:assert/strict";
import { test } from "node:test";
import { boardIsLive, openPage, PAGES, sharedBrowser } from "../lib/browser.mjs";
import { Client } from "../lib/official.mjs";
import { Relay } from "../lib/relay.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { numberOf } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

const theBrowser = sharedBrowser();

const LIVE = /^Live/;
const HERE = "You are aboard";
const ELSEWHERE = "You are aboard with another device";
const NOT = "You are not aboard";
const PHONE = { viewport: { width: 390, height: 760 } };
const LAPTOP = { viewport: { width: 1100, height: 640 } };
const JOHN = { id: "john-1", name: "John" };

// A page on a network of its own, in a browser that knows John.
async function device(t, browser, gateway, options) {
  const relay = await Relay.start(t, gateway);
  const kept = [{ name: "ridecast.rider", value: JSON.stringify(JOHN) }];
  const storageState = { cookies: [], origins: [{ origin: relay.url, localStorage: kept }] };
  const ride = await RidePage.open(t, browser, relay.url, { ...options, storageState });
  await ride.says(LIVE);
  return Object.assign(ride, { relay });
}

// Jane is aboard and looks on; so does the live board.
async function world(t, options) {
  const gateway = await startGateway(t, { ...PAGES, ...options });
  const browser = await theBrowser();
  const [phone, second, laptop, jane, board] = await Promise.all([
    device(t, browser, gateway, PHONE),
    device(t, browser, gateway, PHONE),
    device(t, browser, gateway, LAPTOP),
    RidePage.open(t, browser, gateway.url, LAPTOP),
    openPage(t, browser, `${gateway.url}/board`),
  ]);
  await Promise.all([jane.says(LIVE), boardIsLive(board)]);
  await jane.boards("Jane");
  return { gateway, phone, second, laptop, jane, board, pages: { phone, second, laptop, jane } };
}

const usersOf = async (gateway) => (await fetch(`${gateway.url}/api/users`)).json();
const offsetOf = async (gateway) => numberOf((await usersOf(gateway)).offset);
const textsOf = async (locator) => (await locator.allTextContents()).sort();

// What one page says of its own rider and of everybody.
const pageSays = async ({ page, people }) => ({
  me: await page.locator("form .aboard").textContent(),
  people: await textsOf(people.locator("bdi")),
});

// `devices`: what each page says of its own rider. Everybody else agrees about `people`.
async function agree({ gateway, jane, board, pages }, devices, people) {
  const riders = board.getByRole("region", { name: "Riders aboard" }).getByRole("listitem").locator(".what");
  const look = async () => ({
    devices: Object.fromEntries(
      await Promise.all(Object.keys(devices).map(async (name) => [name, await pageSays(pages[name])])),
    ),
    jane: await textsOf(jane.people.locator("bdi")),
    board: await textsOf(riders),
    counted: (await board.locator(".rides .big").textContent()).trim(),
    gateway: (await usersOf(gateway)).users.map(({ name }) => name).sort(),
  });
  const expected = {
    devices: Object.fromEntries(Object.entries(devices).map(([name, me]) => [name, { me, people }])),
    jane: people,
    board: people,
    counted: `${people.length} Riders aboard`,
    gateway: people,
  };
  let seen;
  const right = async () => {
    seen = await look();
    try {
      assert.deepEqual(seen, expected);
      return true;
    } catch {
      return false;
    }
  };
  await until(right, () => `${JSON.stringify(seen)}, not ${JSON.stringify(expected)}`);
}

// Both Jane and the live board have heard this, and of nothing else.
async function assertHeard({ jane, board }, heard) {
  const events = board.getByRole("region", { name: "Events" }).getByRole("listitem").locator(".what");
  const both = async () => [await jane.heard(), (await events.allTextContents()).reverse()];
  await until(
    async () => (await both()).every(({ length }) => length >= heard.length),
    () => `${heard}`,
  );
  assert.deepEqual(await both(), [heard, heard]);
}

const BOTH = ["Jane", "John"];
const JANE = ["Jane"];

test("two phones and a laptop of one person: all board, one dies, one reloads, one exits", async (t) => {
  const all = await world(t, { recoveryWindow: 1000 });
  const { gateway, phone, second, laptop } = all;
  const heard = ["Jane boarded", "John boarded"];

  await phone.boards("John");
  await agree(all, { phone: HERE, second: ELSEWHERE, laptop: ELSEWHERE }, BOTH);
  for (const ride of [second, laptop]) {
    await ride.boards("John");
    heard.push("John boarded");
  }
  await agree(all, { phone: HERE, second: HERE, laptop: HERE }, BOTH);
  await assertHeard(all, heard);

  // One dies: that its connection is gone for good has a place in the stream, and nobody hears of it.
  const before = await offsetOf(gateway);
  phone.relay.cut();
  await phone.page.context().close();
  await until(
    async () => (await offsetOf(gateway)) === before + 1,
    () => "waiting for the end of the dead phone's connection",
  );
  await agree(all, { second: HERE, laptop: HERE }, BOTH);

  await laptop.page.reload();
  await laptop.says("nothing was missed");
  await agree(all, { second: HERE, laptop: HERE }, BOTH);
  await assertHeard(all, heard);

  // The exit is the person's: the laptop stays connected, and is not aboard.
  await second.exits();
  heard.push("John exited");
  await second.says(LIVE);
  await agree(all, { second: NOT, laptop: NOT }, JANE);
  await laptop.page.reload();
  await laptop.says(LIVE);
  await agree(all, { second: NOT, laptop: NOT }, JANE);
  await assertHeard(all, heard);

  await laptop.boards("John");
  heard.push("John boarded");
  await agree(all, { second: ELSEWHERE, laptop: HERE }, BOTH);
  // And now the laptop is the last one.
  await laptop.page.close();
  heard.push("John is gone");
  await agree(all, { second: NOT }, JANE);
  await assertHeard(all, heard);
  assert.equal(await offsetOf(gateway), heard.length + 1);
});

test("who dies with the last device is told as gone once, and the device that comes back too late boards again", async (t) => {
  const all = await world(t, { recoveryWindow: 500 });
  const { gateway, phone, second } = all;
  await phone.boards("John");
  await second.boards("John");
  for (const { relay } of [phone, second]) relay.cut();
  await agree(all, { laptop: NOT }, JANE);
  second.relay.leadTo(gateway);
  await second.says(LIVE);
  await agree(all, { second: HERE, laptop: ELSEWHERE }, BOTH);
  await assertHeard(all, ["Jane boarded", "John boarded", "John boarded", "John is gone", "John boarded"]);
});

test("the network of one phone is away while another exits: it is not aboard when it is back", async (t) => {
  const all = await world(t);
  const { gateway, phone, second } = all;
  await phone.boards("John");
  await second.boards("John");
  phone.relay.cut();
  await phone.says("Reconnecting");
  await second.exits();
  await agree(all, { second: NOT }, JANE);
  phone.relay.leadTo(gateway);
  await phone.says("nothing was missed");
  await agree(all, { phone: NOT, second: NOT }, JANE);
  await assertHeard(all, ["Jane boarded", "John boarded", "John boarded", "John exited"]);
});

test("a page exits for a person who is aboard with another program", async (t) => {
  const all = await world(t);
  const { gateway, phone, second, laptop } = all;
  const program = await Client.connect(t, gateway, "default transports");
  const answer = await program.ask({ ...JOHN, status: "boarding" });
  assert.ok(answer.ok);
  await agree(all, { phone: ELSEWHERE, second: ELSEWHERE, laptop: ELSEWHERE }, BOTH);
  await phone.boards("John");
  await laptop.page.reload();
  await agree(all, { phone: HERE, second: ELSEWHERE, laptop: ELSEWHERE }, BOTH);

  // With a page that has not boarded itself.
  await second.exits();
  await agree(all, { phone: NOT, second: NOT, laptop: NOT }, JANE);
  assert.ok(program.socket.connected);
  assert.ok((await program.ask({ ...JOHN, status: "boarding" })).ok);
  await agree(all, { phone: ELSEWHERE, second: ELSEWHERE, laptop: ELSEWHERE }, BOTH);
  await program.ask({ ...JOHN, status: "exiting" });
  await program.disconnected();
  await agree(all, { phone: NOT, second: NOT, laptop: NOT }, JANE);
  await phone.says(LIVE);
  assert.deepEqual(
    program.events.map(({ name, record }) => `${record.name} ${name}`),
    ["John userBoarded", "John userBoarded", "John userExited", "John userBoarded", "John userExited"],
  );
});
