// Unloads the only model of a service, opens its page, and loads the model again; prints what it saw as JSON.
//
//     node empty.mjs URL MODEL [FOLDER FOR SCREENSHOTS]

import { Browser, LOOKS, overflow, violations } from "../../browser.mjs";

const [url, model, screenshots] = process.argv.slice(2);
const browser = await Browser.launch(new URL(url));
const report = {};
const repository = `${url}/v2/repository/models/${model}`;
await fetch(`${repository}/unload`, { method: "POST" });
let page;
for (const [look, options] of Object.entries(LOOKS)) {
  ({ page } = await browser.open(options));
  await page.goto(url);
  await page.waitForSelector("#empty");
  if (screenshots) await page.screenshot({ path: `${screenshots}/${look}-empty.png`, fullPage: true });
  report[look] = {
    empty: (await page.innerText("#empty")).replace(/\s+/g, " "),
    refused: await page.locator("#refused li").allInnerTexts(),
    detail_is_shown: await page.isVisible(".detail"),
    overflow: await overflow(page),
    broken: await violations(page),
  };
}
await fetch(`${repository}/load`, { method: "POST" });
await page.waitForSelector(".model");
report.model = await page.innerText("#name");
await browser.close();
console.log(JSON.stringify(report));
