// The pages in Chromium, served through nginx by three gateways that share a Redis.

import assert from "node:assert/strict";
import { test } from "node:test";
import { boardIsLive, openPage, PAGES, sharedBrowser } from "../lib/browser.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { gauge } from "../lib/metrics.mjs";
import { Nginx } from "../lib/nginx.mjs";
import { Relay } from "../lib/relay.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { Rider } from "../lib/rider.mjs";
import { until } from "../lib/wait.mjs";

const theBrowser = sharedBrowser();

const LIVE = /^Live/;

// Somebody whose network fails, somebody whose network does not, and the live board.
async function world(t, options) {
  const { redis, gateways } = await startCluster(t, {
    size: 3,
    nodeLease: 500,
    trustedProxy: "127.0.0.0/8",
    ...PAGES,
    ...options,
  });
  const nginx = await Nginx.start(t, gateways);
  const relay = await Relay.start(t, nginx);
  const browser = await theBrowser();
  const [john, jane, board] = await Promise.all([
    RidePage.open(t, browser, relay.url),
    RidePage.open(t, browser, nginx.url),
    openPage(t, browser, `${nginx.url}/board`),
  ]);
  await Promise.all([john.says(LIVE), jane.says(LIVE), boardIsLive(board)]);
  return { redis, gateways, nginx, relay, john, jane, board };
}

// Both the other's page and the live board have heard this, and of nothing else. It ends with John's exit, so that
// nothing is still on its way.
async function assertHeard({ jane, board }, heard) {
  assert.equal(heard.at(-1), "John exited");
  const events = board.getByRole("region", { name: "Events" }).getByRole("listitem").locator(".what");
  await jane.hears("John exited");
  await events.filter({ hasText: "John exited" }).waitFor();
  const onBoard = (await events.allTextContents()).reverse();
  assert.deepEqual({ page: await jane.heard(), board: onBoard }, { page: heard, board: heard });
}

test("two browsers see each other board and exit, and the live board counts them", async (t) => {
  const all = await world(t);
  const { john, jane, board } = all;
  const counts = (n) => board.getByText(new RegExp(`^${n} Riders aboard$`)).waitFor();
  await john.boards("John");
  await jane.sees("John");
  await jane.boards("Jane");
  await john.sees("Jane");
  await counts(2);
  await john.exits();
  await counts(1);
  await assertHeard(all, ["John boarded", "Jane boarded", "John exited"]);
  assert.deepEqual(await jane.people.locator("bdi").allTextContents(), ["Jane"]);
});

test("a reload leaves its rider aboard, and nobody hears of it", async (t) => {
  const all = await world(t);
  const { john } = all;
  await john.boards("John");
  await john.page.reload();
  await john.says("nothing was missed");
  await john.page.getByText("You are aboard").waitFor();
  await john.exits();
  await assertHeard(all, ["John boarded", "John exited"]);
});

test("a network that drops and returns is heard by nobody, and misses nothing", async (t) => {
  const all = await world(t);
  const { nginx, relay, john, jane } = all;
  await john.boards("John");
  relay.cut();
  await john.says("Reconnecting");
  await jane.boards("Jane");
  relay.leadTo(nginx);
  await john.says("nothing was missed");
  await john.hears("Jane boarded");
  await john.exits();
  await assertHeard(all, ["John boarded", "Jane boarded", "John exited"]);
});

// The gateway at which a rider is.
async function placeOfRider(t, gateways) {
  for (const gateway of gateways) if ((await gauge(t, gateway, "ridecast_riders_held")) === 1) return gateway;
  assert.fail("no gateway holds the rider");
}

for (const [what, end] of Object.entries({ "is killed": "kill", drains: "stop" }))
  test(`the gateway that serves a page ${what}, and the page goes on at another`, async (t) => {
    const all = await world(t);
    const { gateways, john, jane } = all;
    await john.boards("John");
    await jane.sees("John");
    await (await placeOfRider(t, gateways))[end]();
    await john.says("nothing was missed");
    await jane.boards("Jane");
    await john.sees("Jane");
    await john.exits();
    await assertHeard(all, ["John boarded", "Jane boarded", "John exited"]);
  });

const inPanel = (board, text) => board.getByRole("region", { name: /^Gateways/ }).getByRole("row", { name: text });

const becomesCount = (rows, n) =>
  until(
    async () => (await rows.count()) === n,
    () => `waiting for ${n} rows`,
  );

test("the live board shows every gateway, and the one that is gone", async (t) => {
  const { gateways, john, board } = await world(t);
  const healthy = inPanel(board, /healthy/);
  await becomesCount(healthy, 3);
  await john.boards("John");
  // Who has delivered it to somebody tells how long that took.
  await inPanel(board, / ms /).first().waitFor();
  await (await placeOfRider(t, gateways)).kill();
  // With so short a lease one that is late for its beat is shown as gone as well, until the next.
  await becomesCount(inPanel(board, /gone for \d+ s/), 1);
  await becomesCount(healthy, 2);
  await john.says("nothing was missed");
});

test("while Redis is down the live board says that the gateways cannot be asked", async (t) => {
  const { redis, board } = await world(t);
  await becomesCount(inPanel(board, /healthy/), 3);
  await redis.stop();
  await board.getByText("The gateways cannot be asked now").waitFor();
  await redis.run();
  await board.getByText("The gateways cannot be asked now").waitFor({ state: "detached" });
  await becomesCount(inPanel(board, /healthy/), 3);
});

test("what is malformed or refused is said in words, to its sender alone", async (t) => {
  const all = await world(t, { maxUserBytes: 256, rides: "/,/line-*" });
  const { nginx, john } = all;
  const broken = await Rider.join(t, nginx);
  broken.send('"message"', '"no record"');
  await broken.hearsException();

  await john.page.getByLabel("Your name").fill("J".repeat(300));
  await john.board.click();
  await john.page.getByRole("alert").filter({ hasText: "The gateway refused" }).waitFor();
  await john.page.getByText("You are not aboard").waitFor();

  const ride = john.page.getByRole("textbox", { name: /^Ride/ });
  await ride.fill("elsewhere");
  await john.page.getByLabel("Your name").focus();
  await john.says("Refused: this gateway has no such ride");
  assert.ok(await john.board.isDisabled());
  await ride.fill("/");
  await john.page.getByLabel("Your name").focus();
  await john.says(LIVE);
  await john.boards("John");
  await john.exits();
  await assertHeard(all, ["John boarded", "John exited"]);
});
