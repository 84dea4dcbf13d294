// Socket.IO's own guide: a page loads the client from the server it talks to, with one script element.

import assert from "node:assert/strict";
import { cp, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { openPage, PAGES, sharedBrowser } from "../lib/browser.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";

const theBrowser = sharedBrowser();

const BOARD = `
const socket = io();
socket.on("userBoarded", ({ name }) => (document.title = name + " boarded"));
socket.emit("message", ${JSON.stringify(JSON.stringify(user("guide")))});
`;

const WAYS = {
  "a script": ['<script src="/socket.io/socket.io.js"></script><script src="/app.js"></script>', BOARD],
  "a smaller script": ['<script src="/socket.io/socket.io.min.js"></script><script src="/app.js"></script>', BOARD],
  "a module": [
    '<script type="module" src="/app.js"></script>',
    `import { io } from "/socket.io/socket.io.esm.min.js";${BOARD}`,
  ],
};

for (const [way, [body, app]] of Object.entries(WAYS))
  test(`the client that the web client's build has is loaded as ${way}, connects and boards`, async (t) => {
    const folder = temporaryFolder(t, "guide");
    await cp(path.join(PAGES.static, "socket.io"), path.join(folder, "socket.io"), { recursive: true });
    await writeFile(path.join(folder, "index.html"), `<!doctype html><title>guide</title>${body}`);
    await writeFile(path.join(folder, "app.js"), app);
    const gateway = await startGateway(t, { static: folder });
    const other = await Rider.join(t, gateway);
    const page = await openPage(t, await theBrowser(), gateway.url);
    await other.hears("userBoarded", user("guide"));
    await page.waitForFunction(() => document.title.endsWith("boarded"));
    assert.equal(await page.title(), `${user("guide").name} boarded`);
  });
