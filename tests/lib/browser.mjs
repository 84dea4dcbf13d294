// Chromium, and the pages it opens: the client's build with a gateway behind it.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { chromium } from "playwright-core";
import { onEnd } from "./cleanup.mjs";

export const CLIENT = fileURLToPath(new URL("../../client", import.meta.url));

const FLAGS = [
  "--no-sandbox", // in containers and as root there is none to have
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export async function startBrowser(t, { args = [] } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...FLAGS, ...args],
  });
  onEnd(t, () => browser.close());
  return browser;
}

// Vite is the client's, not the tests'.
export function importVite() {
  const require = createRequire(path.join(CLIENT, "package.json"));
  return import(pathToFileURL(path.join(path.dirname(require.resolve("vite/package.json")), "dist/node/index.js")));
}

// The build in `root`/dist at a URL of its own, with the gateway (or a relay to it) behind it.
export async function servePages(t, gateway, root = CLIENT) {
  const { preview } = await importVite();
  const target = gateway.url;
  const server = await preview({
    root,
    configFile: false,
    logLevel: "silent",
    preview: {
      host: "127.0.0.1",
      port: 0,
      proxy: {
        "/socket.io": { target, ws: true },
        ...Object.fromEntries(["/api", "/metrics", "/healthz", "/readyz"].map((at) => [at, target])),
      },
    },
  });
  onEnd(t, () => server.close());
  return `http://127.0.0.1:${server.httpServer.address().port}`;
}

// Somebody with a browser profile of their own. Errors that a page throws fail its test.
export async function openPage(t, browser, url, { errors = [], ...options } = {}) {
  const context = await browser.newContext({ locale: "en-GB", colorScheme: "light", ...options });
  const page = await context.newPage();
  page.on("pageerror", (error) => errors.push(error));
  await page.goto(url);
  onEnd(t, async () => {
    await context.close();
    assert.deepEqual(errors, []);
  });
  return page;
}
