// What the ride's page weighs, and when it first shows something.

import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { openPage, PAGES, startBrowser } from "../lib/browser.mjs";
import { startGateway } from "../lib/server.mjs";

const MOST_BYTES = 150_000;

test("the ride's page is small and does without the live board's charts", async (t) => {
  const gateway = await startGateway(t, PAGES);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, "about:blank");
  const files = [];
  page.on("response", (response) => {
    if (!response.url().includes("/socket.io/")) files.push(response);
  });
  await page.goto(gateway.url);
  await page.getByRole("button", { name: "Board" }).waitFor();
  await page.waitForFunction(() => performance.getEntriesByName("first-contentful-paint").length > 0);

  let bytes = 0;
  for (const file of files) {
    assert.ok(file.ok(), file.url());
    assert.doesNotMatch(file.url(), /\/Board-/);
    bytes += gzipSync(await file.body()).length;
  }
  const [paint] = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint").map((e) => e.startTime));
  t.diagnostic(`${files.length} files, ${bytes} bytes with gzip; first contentful paint after ${Math.round(paint)} ms`);
  assert.ok(bytes < MOST_BYTES, `${bytes} bytes`);
});
