// Reads the documentation as a person would, and prints what it saw as JSON.
//
//     node page.mjs URL [FOLDER FOR SCREENSHOTS]

import { Browser, LOOKS, overflow, violations } from "../browser.mjs";

const [url, screenshots] = process.argv.slice(2);
const PAGES = ["index", "serving", "api/exceptions", "gallery/index", "gallery/tour"];

const browser = await Browser.launch(new URL(url));
const report = {};
for (const [look, options] of Object.entries(LOOKS)) report[look] = await read(look, options);
await browser.close();
console.log(JSON.stringify(report));

async function read(look, options) {
  const { context, page, foreign, errors } = await browser.open(options);
  const seen = { foreign, errors, overflow: {}, violations: {} };
  for (const name of PAGES) {
    await page.goto(`${url}${name}.html`);
    if (screenshots) await page.screenshot({ path: `${screenshots}/${look}-${name.replace("/", "-")}.png` });
    seen.overflow[name] = await overflow(page);
    seen.violations[name] = await violations(page);
  }
  seen.background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.goto(`${url}index.html`);
  if (options.isMobile) await page.tap("label[for='__search'].md-header__button");
  await page.click(".md-search__input");
  await page.keyboard.type("posterior collapse");
  await page.waitForSelector(".md-search-result__item");
  seen.found = await page.locator(".md-search-result__item h1").first().innerText();
  await context.close();
  return seen;
}
