// The pages in Chromium, with several gateways that share a Redis.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, servePages, startBrowser } from "../lib/browser.mjs";
import { startCluster } from "../lib/cluster.mjs";
import { Relay } from "../lib/relay.mjs";
import { RidePage } from "../lib/ride-page.mjs";

test("the gateway is killed, and the page goes on at another; nobody else hears of it", async (t) => {
  const { a, b, c } = await startCluster(t, { size: 3, nodeLease: 500 });
  const relay = await Relay.start(t, a);
  const browser = await startBrowser(t);
  const john = await RidePage.open(t, browser, await servePages(t, relay));
  const jane = await RidePage.open(t, browser, await servePages(t, c));
  const board = await openPage(t, browser, `${await servePages(t, c)}/board`);
  await Promise.all([john.says(/^Live/), jane.says(/^Live/), board.getByText(/^Live/).waitFor()]);
  await john.boards("John");
  await jane.sees("John");
  relay.leadTo(b);
  await a.kill();
  await john.says("nothing was missed");
  await jane.boards("Jane");
  await john.hears("Jane boarded");
  await john.exits();
  const heard = ["John boarded", "Jane boarded", "John exited"];
  await jane.hears("John exited");
  assert.deepEqual(await jane.heard(), heard);
  const events = board.getByRole("region", { name: "Events" }).getByRole("listitem").locator(".what");
  await events.filter({ hasText: "John exited" }).waitFor();
  assert.deepEqual((await events.allTextContents()).reverse(), heard);
});
