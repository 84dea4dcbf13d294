// The ride's page in Chromium, against a real gateway.

import assert from "node:assert/strict";
import { test } from "node:test";
import { PAGES, sharedBrowser } from "../lib/browser.mjs";
import { Relay } from "../lib/relay.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { startGateway } from "../lib/server.mjs";
import { goodToken, LEEWAY, now, tokenOptions } from "../lib/token.mjs";

const theBrowser = sharedBrowser();

const LIVE = /^Live/;

async function two(t, options) {
  const gateway = await startGateway(t, { ...PAGES, ...options });
  // Only one of them has a network that fails.
  const relay = await Relay.start(t, gateway);
  const browser = await theBrowser();
  const john = await RidePage.open(t, browser, relay.url);
  const jane = await RidePage.open(t, browser, gateway.url);
  await Promise.all([john.says(LIVE), jane.says(LIVE)]);
  return { gateway, relay, john, jane };
}

// What Jane heard of John until he exits; he does, so that nothing is still on its way.
async function heardOfJohn({ john, jane }) {
  await john.exits();
  await jane.hears("John exited");
  return jane.heard();
}

test("two browsers see each other board and exit", async (t) => {
  const { john, jane } = await two(t);
  assert.ok(await john.exit.isDisabled());
  await john.boards("John");
  assert.ok(await john.board.isDisabled());
  await jane.sees("John");
  await jane.boards("Jane");
  await john.sees("Jane");
  await john.exits();
  await jane.hears("John exited");
  assert.deepEqual(await jane.people.locator("bdi").allTextContents(), ["Jane"]);
  assert.deepEqual(await jane.heard(), ["John boarded", "Jane boarded", "John exited"]);
  // The exit has ended the connection; he looks on and may board again.
  await john.boards("John");
  await jane.sees("John");
});

test("a reload leaves its rider aboard, and nobody hears of it", async (t) => {
  const both = await two(t);
  const { john } = both;
  await john.boards("John");
  await john.page.reload();
  await john.says("nothing was missed");
  await john.page.getByText("You are aboard").waitFor();
  await john.sees("John");
  assert.deepEqual(await heardOfJohn(both), ["John boarded", "John exited"]);
});

test("what happens while the network is away follows when it is back, and the rider has never left", async (t) => {
  const both = await two(t);
  const { gateway, relay, john, jane } = both;
  await john.boards("John");
  relay.cut();
  await john.says("Reconnecting");
  await jane.boards("Jane");
  relay.leadTo(gateway);
  await john.says("nothing was missed");
  await john.hears("Jane boarded");
  await john.sees("Jane");
  assert.deepEqual(await heardOfJohn(both), ["John boarded", "Jane boarded", "John exited"]);
});

test("a device that goes offline says so, and recovers when it is online again", async (t) => {
  const both = await two(t);
  const { john } = both;
  await john.boards("John");
  await john.page.context().setOffline(true);
  await john.says("this device is offline");
  await john.page.context().setOffline(false);
  await john.says("nothing was missed");
  assert.deepEqual(await heardOfJohn(both), ["John boarded", "John exited"]);
});

test("a rider that comes back too late boards again by itself", async (t) => {
  const { gateway, relay, john, jane } = await two(t, { recoveryWindow: 200 });
  await john.boards("John");
  relay.cut();
  await jane.hears("John is gone");
  relay.leadTo(gateway);
  await john.page.getByText("You are aboard").waitFor();
  await jane.sees("John");
  assert.deepEqual(await jane.heard(), ["John boarded", "John is gone", "John boarded"]);
});

test("a tab that is closed is told as gone", async (t) => {
  const { john, jane } = await two(t, { recoveryWindow: 200 });
  await john.boards("John");
  await jane.sees("John");
  await john.page.close();
  await jane.hears("John is gone");
});

test("a ride that this gateway does not have is refused in words", async (t) => {
  const gateway = await startGateway(t, { ...PAGES, rides: "/line-*,/" });
  const browser = await theBrowser();
  const john = await RidePage.open(t, browser, `${gateway.url}/?ride=/elsewhere`);
  await john.says("this gateway has no such ride");
  assert.ok(await john.board.isDisabled());
  await john.page.getByRole("textbox", { name: /^Ride/ }).fill("line-7");
  await john.page.getByRole("button", { name: "Try again" }).focus();
  await john.says(LIVE);
  await john.boards("John");
});

test("what the gateway refuses and what cannot be sent is said in words", async (t) => {
  const gateway = await startGateway(t, { ...PAGES, maxUserBytes: 256 });
  const browser = await theBrowser();
  const john = await RidePage.open(t, browser, gateway.url);
  await john.says(LIVE);
  await john.board.click();
  await john.page.getByRole("alert").filter({ hasText: "Say who you are first." }).waitFor();
  await john.page.getByRole("textbox", { name: /^Ride/ }).fill("no spaces");
  await john.page.getByText("A ride's name has up to 128").waitFor();
  assert.ok(await john.board.isDisabled());
  await john.page.getByRole("textbox", { name: /^Ride/ }).fill("/");
  await john.page.getByLabel("Your name").fill("J".repeat(300));
  await john.board.click();
  await john.page.getByRole("alert").filter({ hasText: "The gateway refused" }).waitFor();
  await john.page.getByText("You are not aboard").waitFor();
});

test("language and identity are kept", async (t) => {
  const gateway = await startGateway(t, PAGES);
  const browser = await theBrowser();
  const john = await RidePage.open(t, browser, gateway.url);
  await john.page.getByLabel("Your name").fill("John");
  await john.page.getByLabel("Language").selectOption("ko");
  const id = () => john.page.evaluate(() => JSON.parse(localStorage["ridecast.rider"]).id);
  const before = await id();
  await john.page.reload();
  await john.page.getByRole("button", { name: "탑승", exact: true }).waitFor();
  assert.equal(await john.page.getByLabel("이름").inputValue(), "John");
  assert.equal(await john.page.locator("html").getAttribute("lang"), "ko");
  assert.equal(await id(), before);
});

test("where tokens are asked for, the address brings one, and its subject is who boards", async (t) => {
  const gateway = await startGateway(t, { ...PAGES, ...tokenOptions(t) });
  const browser = await theBrowser();
  const stranger = await RidePage.open(t, browser, gateway.url);
  await stranger.says("this gateway wants a token");

  const ann = await RidePage.open(t, browser, `${gateway.url}/#token=${goodToken("ann")}`);
  await ann.says(LIVE);
  assert.equal(await ann.page.evaluate("location.hash"), "");
  await ann.boards("Ann");
  await ann.page.reload();
  await ann.says("nothing was missed");
  const headers = { Authorization: `Bearer ${goodToken("operator")}` };
  const { users } = await (await fetch(`${gateway.url}/api/users`, { headers })).json();
  assert.deepEqual(users.map(({ id }) => id), ["ann"]);
});

test("a token that ends while its rider is aboard: in words, and a new link brings the rider back", async (t) => {
  const gateway = await startGateway(t, { ...PAGES, ...tokenOptions(t) });
  const browser = await theBrowser();
  const soon = goodToken("ann", { exp: now() - LEEWAY + 12 }); // a busy machine takes that long to board
  const ann = await RidePage.open(t, browser, `${gateway.url}/#token=${soon}`);
  await ann.boards("Ann");
  await ann.says("your token has expired");
  await ann.page.evaluate(`location.hash = "token=${goodToken("ann")}"`);
  await ann.page.getByRole("button", { name: "Try again" }).click();
  await ann.says(LIVE);
  await ann.page.getByText("You are aboard").waitFor();
});
