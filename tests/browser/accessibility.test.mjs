// Both pages, in all their colours and languages, have no serious issue that axe would find.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import { openPage, PAGES, sharedBrowser } from "../lib/browser.mjs";
import { Relay } from "../lib/relay.mjs";
import { RidePage } from "../lib/ride-page.mjs";
import { Rider, user } from "../lib/rider.mjs";
import { startGateway } from "../lib/server.mjs";

const theBrowser = sharedBrowser();

// Not as a script of the page, which its Content-Security-Policy would not let in.
const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core"), "utf8");

async function assertAccessible(page, state) {
  const language = page.locator("header select");
  for (const code of ["ko", "en"]) {
    await language.selectOption(code);
    await page.locator(`html[lang=${code}]`).waitFor();
    const { violations } = await page.evaluate(() => window.axe.run());
    const serious = violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    assert.deepEqual(serious, [], `${state}, ${code}`);
  }
}

const DEVICES = {
  "a phone": { viewport: { width: 390, height: 844 } },
  "a desktop": { viewport: { width: 1280, height: 900 } },
};

for (const [device, options] of Object.entries(DEVICES))
  for (const colorScheme of ["light", "dark"])
    test(`no serious issue on ${device}, ${colorScheme}, in both languages`, async (t) => {
      const gateway = await startGateway(t, { ...PAGES, rides: "/" });
      const relay = await Relay.start(t, gateway);
      const browser = await theBrowser();
      const jane = await Rider.join(t, gateway);
      jane.say({ ...user("jane"), name: "Jane" });

      const ride = await RidePage.open(t, browser, relay.url, { colorScheme, ...options });
      await ride.page.evaluate(AXE);
      await ride.sees("Jane");
      await ride.board.click();
      await ride.page.getByRole("alert").waitFor();
      await assertAccessible(ride.page, "the name is missing");
      await ride.boards("John");
      await assertAccessible(ride.page, "aboard");
      relay.cut();
      await ride.says("Reconnecting");
      await assertAccessible(ride.page, "reconnecting");
      relay.leadTo(gateway);
      await ride.says("nothing was missed");
      await assertAccessible(ride.page, "recovered");

      const refused = await RidePage.open(t, browser, `${gateway.url}/?ride=/elsewhere`, { colorScheme, ...options });
      await refused.page.evaluate(AXE);
      await refused.says("Refused");
      await assertAccessible(refused.page, "refused");

      const board = await openPage(t, browser, `${relay.url}/board`, { colorScheme, ...options });
      await board.evaluate(AXE);
      await board.getByText("healthy").waitFor();
      await ride.exits();
      await board.getByText("John exited").waitFor();
      await assertAccessible(board, "the live board");
      relay.cut();
      await board.getByText("Reconnecting").waitFor();
      await assertAccessible(board, "the live board without its gateway");
    });

// Goes on from what has the focus, as Tab leads.
async function tabTo(page, locator) {
  const target = await locator.elementHandle();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    if (await target.evaluate((element) => element === document.activeElement)) return;
  }
  assert.fail(`Tab does not lead to ${locator}`);
}

test("the keyboard alone boards and exits", async (t) => {
  const gateway = await startGateway(t, PAGES);
  const browser = await theBrowser();
  const { page, ...john } = await RidePage.open(t, browser, gateway.url);
  await john.connection.filter({ hasText: "Live" }).waitFor();
  await tabTo(page, page.getByLabel("Your name"));
  await page.keyboard.type("John");
  await page.keyboard.press("Enter");
  await page.getByText("You are aboard").waitFor();
  await tabTo(page, john.exit);
  await page.keyboard.press("Space");
  await page.getByText("You are not aboard").waitFor();
});

test("the keyboard alone works the live board", async (t) => {
  const gateway = await startGateway(t, PAGES);
  const browser = await theBrowser();
  const page = await openPage(t, browser, gateway.url);
  await tabTo(page, page.getByRole("link", { name: "Live board" }));
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByLabel("Add a ride"));
  await page.keyboard.type("line-7");
  await page.keyboard.press("Enter");
  const rides = page.getByRole("region", { name: "Rides" }).getByRole("listitem");
  await rides.filter({ hasText: "/line-7" }).waitFor();
  await tabTo(page, page.getByRole("button", { name: "Stop watching /line-7" }));
  await page.keyboard.press("Enter");
  await rides.filter({ hasText: "/line-7" }).waitFor({ state: "detached" });
  await tabTo(page, page.getByRole("button", { name: "Pause" }));
  await page.keyboard.press("Space");
  await page.getByText("Paused: 0 new").waitFor();
});
