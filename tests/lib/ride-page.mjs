// The client's pages as a person uses them, in English.

import { openPage } from "./browser.mjs";

export class RidePage {
  static async open(t, browser, url, options) {
    return new RidePage(await openPage(t, browser, url, options));
  }

  constructor(page) {
    this.page = page;
    this.board = page.getByRole("button", { name: /^Board/ });
    this.exit = page.getByRole("button", { name: /^Exit/ });
    this.people = page.getByRole("region", { name: /^Aboard now/ }).getByRole("listitem");
    this.happened = page.getByRole("log").getByRole("listitem");
    this.connection = page.locator("form .connection");
  }

  async boards(name) {
    await this.page.getByLabel("Your name").fill(name);
    await this.board.click();
    await this.page.getByText("You are aboard", { exact: true }).waitFor();
  }

  async exits() {
    await this.exit.click();
    await this.page.getByText("You are not aboard").waitFor();
  }

  // Resolves once the connection says so.
  says(words) {
    return this.connection.filter({ hasText: words }).waitFor();
  }

  sees(name) {
    return this.people.filter({ hasText: name }).waitFor();
  }

  async heard() {
    return (await this.happened.locator("span").allTextContents()).reverse();
  }

  hears(words) {
    return this.happened.filter({ hasText: words }).first().waitFor();
  }
}
