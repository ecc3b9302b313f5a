// What the scripts that use a page as a person would have in common.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

// The packages are installed beside the examples, not beside the tests.
const require = createRequire(new URL("../exported/examples/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const FLAGS = [
  ..."--disable-gpu --disable-quic --no-first-run --disable-component-update --disable-sync".split(" "),
  "--disable-background-networking",
];

export const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
};

/** A browser that finds no other machine than the server of `url`. */
export class Browser {
  #browser;
  #url;

  static async launch(url) {
    const args = [...FLAGS, `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${url.hostname}`];
    return new Browser(await chromium.launch({ executablePath: "/usr/bin/chromium", args }), url);
  }

  constructor(browser, url) {
    this.#browser = browser;
    this.#url = url;
  }

  /** Open a page in a fresh profile, and note what it asks of other machines and what goes wrong. */
  async open(options = {}) {
    const context = await this.#browser.newContext({ reducedMotion: "reduce", ...options });
    const foreign = [];
    const errors = [];
    await context.route((address) => address.origin !== this.#url.origin, (route) => {
      foreign.push(route.request().url());
      return route.abort();
    });
    const page = await context.newPage();
    page.on("console", (message) => ["error", "warning"].includes(message.type()) && errors.push(message.text()));
    page.on("pageerror", (error) => errors.push(String(error)));
    return { context, page, foreign, errors };
  }

  close() {
    return this.#browser.close();
  }
}

/** How far a page is wider than the screen, in pixels. */
export const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

/** The rules of accessibility that a page breaks, with what breaks them first. */
export async function violations(page) {
  await page.evaluate(await readFile(require.resolve("axe-core/axe.min.js"), "utf8")); // whatever the page allows
  const found = await page.evaluate(async () => (await window.axe.run()).violations);
  return found.map(({ id, nodes }) => `${id}: ${nodes[0].html} (${nodes.length})`);
}

/** Move a finger from place to place of the page, [x, y] in pixels. */
export async function dragWithFinger(page, places) {
  const client = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) => client.send("Input.dispatchTouchEvent", { type, touchPoints });
  const at = ([x, y]) => [{ x, y }];
  await touch("touchStart", at(places[0]));
  for (const place of places.slice(1)) await touch("touchMove", at(place));
  await touch("touchEnd", []);
}

/** Press a button at the first place, move through the others, and let it go at the last. */
export async function dragWithMouse(page, places) {
  await page.mouse.move(...places[0]);
  await page.mouse.down();
  for (const place of places.slice(1)) await page.mouse.move(...place, { steps: 4 });
  await page.mouse.up();
}
