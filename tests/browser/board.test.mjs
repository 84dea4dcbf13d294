// The live board in Chromium, against a real gateway.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, PAGES, sharedBrowser } from "../lib/browser.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";

const theBrowser = sharedBrowser();

async function board(t, rides) {
  const gateway = await startGateway(t, { ...PAGES, recoveryWindow: 0 });
  const browser = await theBrowser();
  const url = `${gateway.url}/board?${rides.map((ride) => `ride=${ride}`).join("&")}`;
  const page = await openPage(t, browser, url);
  const tile = (ride) => page.getByRole("region", { name: "Rides" }).getByRole("listitem").filter({ hasText: ride });
  await Promise.all(rides.map((ride) => tile(ride).getByText(/^Live/).waitFor()));
  return { gateway, page, tile, events: page.getByRole("region", { name: "Events" }).getByRole("listitem") };
}

async function boards(t, gateway, ride, name) {
  const rider = await Rider.join(t, gateway, ride);
  rider.say({ ...user(name), name });
  return rider;
}

test("riders are counted per ride, and events stream in, the latest first", async (t) => {
  const { gateway, page, tile, events } = await board(t, ["/line-7", "/line-8"]);
  await boards(t, gateway, "/line-7", "John");
  await events.filter({ hasText: "John boarded" }).waitFor();
  const jane = await boards(t, gateway, "/line-8", "Jane");
  await events.filter({ hasText: "Jane boarded" }).waitFor();
  jane.say({ ...user("Jane", "exiting"), name: "Jane" });
  await events.filter({ hasText: "Jane exited" }).waitFor();
  assert.deepEqual(await events.locator(".what").allTextContents(), ["Jane exited", "Jane boarded", "John boarded"]);
  assert.match(await tile("/line-7").innerText(), /^1 Riders aboard/m);
  assert.match(await tile("/line-8").innerText(), /^0 Riders aboard/m);
  await page.getByRole("img", { name: "/line-7: 1, /line-8: 0" }).waitFor();
  await page.getByRole("img", { name: "Boardings: 2, Exits: 1" }).waitFor();
});

test("the stream is searched, and pauses while the rest goes on", async (t) => {
  const { gateway, page, tile, events } = await board(t, ["/line-7"]);
  for (const name of ["John", "Jane"]) await boards(t, gateway, "/line-7", name);
  await events.nth(1).waitFor();
  const search = page.getByLabel("Search events");
  await search.fill("jane");
  await page.getByText("1 of 2", { exact: true }).waitFor();
  assert.deepEqual(await events.locator(".what").allTextContents(), ["Jane boarded"]);
  await search.fill("");
  await page.getByRole("button", { name: "Pause" }).click();
  await boards(t, gateway, "/line-7", "Joe");
  await page.getByText("Paused: 1 new").waitFor();
  await tile("/line-7").getByText("3").first().waitFor();
  assert.equal(await events.count(), 2);
  await page.getByRole("button", { name: "Resume" }).click();
  await events.filter({ hasText: "Joe boarded" }).waitFor();
});

test("rides are added and left, and the address keeps them", async (t) => {
  const { page, tile } = await board(t, ["/line-7"]);
  await page.getByLabel("Add a ride").fill("line-8");
  await page.keyboard.press("Enter");
  await tile("/line-8").getByText(/^Live/).waitFor();
  await page.getByRole("button", { name: "Stop watching /line-7" }).click();
  await tile("/line-7").waitFor({ state: "detached" });
  assert.equal(new URL(page.url()).search, "?ride=%2Fline-8");
});

test("the gateway tells how it is, and that it is gone is said in words", async (t) => {
  const { gateway, page } = await board(t, ["/"]);
  const gateways = page.getByRole("region", { name: /^Gateways/ });
  const row = gateways.getByRole("row").filter({ hasText: "healthy" });
  await row.waitFor();
  await boards(t, gateway, "/", "John");
  const headers = await gateways.getByRole("columnheader").allTextContents();
  const cell = (name) => row.locator(":scope > *").nth(headers.indexOf(name));
  await cell("Riders held").filter({ hasText: /^1$/ }).waitFor();
  await cell("Connections").filter({ hasText: /^[1-9]/ }).waitFor();
  await cell("99 % delivered within").filter({ hasText: / ms$/ }).waitFor();
  await gateway.stop();
  await page.getByText("No gateway can be reached now.").waitFor();
  await page.getByText("Reconnecting").first().waitFor();
});

test("options that are not the same on all gateways are named", async (t) => {
  const { a, redis } = await startCluster(t, { size: 1, ...PAGES });
  const page = await openPage(t, await theBrowser(), `${a.url}/board?ride=/`);
  await page.getByRole("region", { name: /^Gateways/ }).getByRole("row").filter({ hasText: "healthy" }).waitFor();
  assert.equal(await page.getByText("Not the same").count(), 0);
  const b = await startGateway(t, { broker: redis.url, recoveryWindow: 5000 });
  const said = page.getByText("Not the same on all gateways: --recovery-window", { exact: true });
  await said.waitFor();
  await b.stop();
  await said.waitFor({ state: "detached" });
});
