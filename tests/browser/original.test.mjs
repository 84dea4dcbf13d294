// An app that was written for the server before ridecast runs unchanged.

import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { CLIENT, importVite, openPage, startBrowser } from "../lib/browser.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { total } from "../lib/metrics.mjs";
import { Rider } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";
import { until } from "../lib/wait.mjs";

async function build(t) {
  const folder = temporaryFolder(t, "original");
  const { build } = await importVite();
  await build({
    root: fileURLToPath(new URL("original", import.meta.url)),
    configFile: false,
    logLevel: "error",
    // It has no packages of its own.
    resolve: {
      alias: [{ find: /^(react|react-dom|socket\.io-client)(?=\/|$)/, replacement: path.join(CLIENT, "node_modules/$1") }],
    },
    build: { outDir: folder },
  });
  return folder;
}

const sessions = (t, gateway) => total(t, gateway, "ridecast_sessions");

test("boards, hears itself and others, and exits", async (t) => {
  const gateway = await startGateway(t, { static: await build(t) });
  // The address in the app is fixed; the browser is told where that is.
  const browser = await startBrowser(t, {
    args: [`--host-resolver-rules=MAP localhost:3000 127.0.0.1:${gateway.port}`],
  });
  const other = await Rider.join(t, gateway);
  const page = await openPage(t, browser, "about:blank");
  const said = [];
  page.on("console", (message) => said.push(message.text()));
  const says = (words) =>
    until(
      () => said.includes(words),
      () => `${words}; so far ${said}`,
    );
  await page.goto(gateway.url);

  const record = (status) => ({ id: "user123", name: "John Doe", status });
  await page.getByRole("button", { name: "Board" }).click();
  await says("User boarded: John Doe");
  await other.hears("userBoarded", record("boarding"));
  assert.ok(await page.getByRole("button", { name: "Boarded" }).isDisabled());

  other.say({ id: "user456", name: "Jane Doe", status: "boarding" });
  await other.hears("userBoarded", { id: "user456", name: "Jane Doe", status: "boarding" });
  await says("User boarded: Jane Doe");

  await page.getByRole("button", { name: "Exit" }).click();
  await says("User exited: John Doe");
  await other.hears("userExited", record("exiting"));
  // The server has ended the connection, and there is nobody of that id aboard.
  assert.ok(await page.getByRole("button", { name: "Board", exact: true }).isEnabled());
  const { users } = await other.activeUsers();
  assert.deepEqual(users.map(({ id }) => id), ["user456"]);
  await until(
    async () => (await sessions(t, gateway)) === 1,
    () => "waiting for the end of the connection",
  );
});
