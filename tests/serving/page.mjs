// Uses the service's page as a person would, and prints what it saw as JSON.
//
//     node page.mjs URL [FOLDER FOR SCREENSHOTS]

import { createRequire } from "node:module";

// The packages are installed beside the examples, not beside the tests.
const require = createRequire(new URL("../../exported/examples/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const [url, screenshots] = process.argv.slice(2);
const { origin, hostname } = new URL(url);
const CHROMIUM = [
  ..."--disable-gpu --disable-quic --no-first-run --disable-component-update --disable-sync".split(" "),
  "--disable-background-networking",
  `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${hostname}`,
];
const LOOKS = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  dark: { colorScheme: "dark", viewport: { width: 1280, height: 900 } },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
};

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: CHROMIUM });
const report = { looks: {} };
for (const [name, options] of Object.entries(LOOKS)) report.looks[name] = await use(name, options);
await browser.close();
console.log(JSON.stringify(report));

// Open a page in a fresh profile, which sees this server and nothing else, and note what goes wrong.
async function use(look, options) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const seen = { foreign: [], errors: [], steps: {} };
  await context.route((address) => address.origin !== origin, (route) => {
    seen.foreign.push(route.request().url());
    return route.abort();
  });
  const page = await context.newPage();
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  const keep = async (step) => {
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (screenshots) await page.screenshot({ path: `${screenshots}/${look}-${step}.png`, fullPage: true });
    seen.steps[step] = { ...(await state(page)), overflow };
  };

  await page.goto(url, { waitUntil: "networkidle" });
  await page.waitForSelector("#state.good");
  await keep("start");
  await page.click("text=mnist-100-labels-vae");
  await page.click("text=Send");
  await page.waitForSelector(".bars");
  await page.waitForFunction(() => document.querySelector('[aria-checked="true"] dd:nth-of-type(1)').textContent !== "0.0");
  await keep("classifier");
  await page.click("text=digits-vae >> nth=0");
  await page.click("text=Random row");
  await page.press("#row", "Control+End");
  await page.click("text=Send");
  await page.waitForSelector(".columns");
  await page.click("summary");
  await keep("encoder");
  await page.fill("#row", "1, 2, three");
  await page.click("text=Send");
  await page.waitForSelector("#time.bad");
  await keep("refused");
  await page.goto(`${url}/docs`, { waitUntil: "networkidle" });
  await keep("docs");
  await context.close();
  return seen;
}

function state(page) {
  return page.evaluate(() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((found) => found.innerText);
    return {
      models: texts(".model"),
      title: texts("h2")[1],
      label: texts(".label")[0],
      outputs: texts(".output h3"),
      bars: texts(".bars > div:nth-child(3n)"),
      columns: document.querySelectorAll(".columns div").length,
      values: document.querySelector(".columns")?.getAttribute("aria-label"),
      row: document.querySelector("#row")?.value,
      command: texts("#command pre")[0],
      time: texts("#time")[0],
      numbers: texts('[aria-checked="true"] dd'),
      operations: texts(".operation h3"),
    };
  });
}
