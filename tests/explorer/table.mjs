// Uses an explorer of a table as a person would, and prints what it saw as JSON.
//
//     node table.mjs URL TASK.json [FOLDER FOR SCREENSHOTS]
//
// TASK.json: `nearest` is the latent mean of the sample to choose, in the plane of a model of two units.

import { readFile } from "node:fs/promises";

import { Browser, LOOKS, overflow, violations } from "../browser.mjs";

const [url, taskPath, screenshots] = process.argv.slice(2);
const { nearest } = JSON.parse(await readFile(taskPath, "utf8"));

const browser = await Browser.launch(new URL(url));
const report = {};
for (const [name, options] of Object.entries(LOOKS)) report[name] = await use(name, options);
await browser.close();
console.log(JSON.stringify(report));

async function use(look, options) {
  const { context, page, errors } = await browser.open({ ...options, deviceScaleFactor: 2 });
  await page.goto(url);
  const start = await snapshot(page);
  for (const [unit, value] of nearest.entries()) await page.fill(`#unit-${unit}`, value.toFixed(2));
  await page.focus("#scatter");
  await page.keyboard.press("Enter");
  const chosen = await snapshot(page);
  if (screenshots) await page.screenshot({ path: `${screenshots}/${look}-table.png`, fullPage: true });
  const broken = await violations(page);
  await context.close();
  return { start, chosen, broken, errors };
}

async function snapshot(page) {
  await page.waitForSelector("#decoded[aria-busy='false']", { state: "attached" });
  const seen = await page.evaluate(() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
    return {
      names: texts("#features tbody th"),
      ranges: [...document.querySelectorAll(".range")].map((range) => [...range.children].map((end) => end.textContent)),
      decoded: texts("#features tbody td:nth-child(3)"),
      sample: texts("#features tbody td:nth-child(4)"),
      title: texts("#features-title")[0],
      pictures: document.querySelector("#pictures").checkVisibility(),
    };
  });
  return { ...seen, overflow: await overflow(page) };
}
