// Both pages, in all their colours and languages, have no serious issue that axe would find.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { openPage, servePages, startBrowser } from "../lib/browser.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { startGateway } from "../lib/server.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core");

async function seriousIssues(page) {
  await page.addScriptTag({ path: AXE });
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

const DEVICES = {
  "a phone": { viewport: { width: 390, height: 844 } },
  "a desktop": { viewport: { width: 1280, height: 900 } },
};

for (const [device, options] of Object.entries(DEVICES))
  for (const colorScheme of ["light", "dark"])
    test(`no serious issue on ${device}, ${colorScheme}`, async (t) => {
      const gateway = await startGateway(t);
      const url = await servePages(t, gateway);
      const browser = await startBrowser(t);
      const jane = await Rider.join(t, gateway);
      jane.say({ ...user("jane"), name: "Jane" });

      const ride = await RidePage.open(t, browser, url, { colorScheme, ...options });
      await ride.sees("Jane");
      await ride.board.click();
      await ride.page.getByRole("alert").waitFor();
      assert.deepEqual(await seriousIssues(ride.page), [], "before boarding");
      await ride.boards("John");
      assert.deepEqual(await seriousIssues(ride.page), [], "aboard");

      const board = await openPage(t, browser, `${url}/board`, { colorScheme, ...options });
      await board.getByText("healthy").waitFor();
      await ride.exits();
      await board.getByText("John exited").waitFor();
      assert.deepEqual(await seriousIssues(board), [], "the live board");
    });

test("the keyboard alone boards and exits", async (t) => {
  const gateway = await startGateway(t);
  const browser = await startBrowser(t);
  const { page, ...john } = await RidePage.open(t, browser, await servePages(t, gateway));
  await john.connection.filter({ hasText: "Live" }).waitFor();
  await page.getByLabel("Your name").focus();
  await page.keyboard.type("John");
  await page.keyboard.press("Enter");
  await page.getByText("You are aboard").waitFor();
  await john.exit.focus();
  await page.keyboard.press("Space");
  await page.getByText("You are not aboard").waitFor();
});
