// What the ride's page weighs, and when it first shows something.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, PAGES, startBrowser } from "../lib/browser.mjs";
import { startGateway } from "../lib/server.mjs";

const MOST_BYTES = 150_000;

// What the gateway has sent, in bytes as they went over the wire, without the Socket.IO requests.
const transfers = (page) =>
  page.evaluate(() =>
    [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
      .map(({ name, encodedBodySize, decodedBodySize }) => ({ name, encodedBodySize, decodedBodySize }))
      .filter(({ name }) => !name.includes("/socket.io/")),
  );

test("the ride's page is small, comes compressed, and does without the live board's charts", async (t) => {
  const gateway = await startGateway(t, PAGES);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, gateway.url);
  await page.getByRole("button", { name: "Board" }).waitFor();
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);

  const files = await transfers(page);
  assert.ok(files.length >= 3, JSON.stringify(files));
  for (const { name } of files) assert.doesNotMatch(name, /\/Board-/);
  const script = files.find(({ name }) => name.endsWith(".js"));
  assert.ok(script.encodedBodySize < script.decodedBodySize / 2, JSON.stringify(script));
  const bytes = files.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime);
  t.diagnostic(`${files.length} files, ${bytes} bytes as sent; first contentful paint after ${Math.round(paint)} ms`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});
