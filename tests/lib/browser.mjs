// Chromium, and the pages that gateways serve.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { after } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { onEnd } from "./cleanup.mjs";
import { ROOT } from "./places.mjs";

export const CLIENT = path.join(ROOT, "client");

// For startGateway(): it serves the client's build.
export const PAGES = { static: path.join(CLIENT, "dist") };

const FLAGS = [
  "--no-sandbox", // in containers and as root there is none to have
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const launch = (...args) =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...FLAGS, ...args] });

export async function startBrowser(t, { args = [] } = {}) {
  const browser = await launch(...args);
  onEnd(t, () => browser.close());
  return browser;
}

// One for all tests of a file, started by the first that asks for it.
export function sharedBrowser() {
  let browser;
  after(async () => (await browser)?.close());
  return () => (browser ??= launch());
}

// Vite is the client's, not the tests'.
export function importVite() {
  const require = createRequire(path.join(CLIENT, "package.json"));
  return import(pathToFileURL(path.join(path.dirname(require.resolve("vite/package.json")), "dist/node/index.js")));
}

// What the browser itself says of a connection that a test has cut, or of an answer that it has made the gateway refuse.
const NETWORK = /^(Failed to load resource|WebSocket connection to)/;

// Somebody with a browser profile of their own. Errors that a page throws or logs, and what its Content-Security-Policy
// keeps it from, fail its test.
export async function openPage(t, browser, url, options) {
  const errors = [];
  const context = await browser.newContext({ locale: "en-GB", colorScheme: "light", ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error));
  page.on("console", (message) => {
    if (message.type() === "error" && !NETWORK.test(message.text())) errors.push(message.text());
  });
  await page.goto(url);
  onEnd(t, async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  return page;
}

// The live board hears its first ride. A gateway that is healthy looks alike, and may be there before.
export const boardIsLive = (board) => board.locator("[data-state=live]").first().waitFor();
