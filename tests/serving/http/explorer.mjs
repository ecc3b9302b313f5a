// Goes from the page of a service that asks for a token to its explorer, and prints what it saw as JSON.
//
//     node explorer.mjs URL TOKEN

import { Browser } from "../../browser.mjs";

const [url, token] = process.argv.slice(2);
const browser = await Browser.launch(new URL(url));
const { page, foreign, errors } = await browser.open();

await page.goto(`${url}/explore/`);
const notice = await (await page.waitForSelector("#notice:not(.waiting)")).textContent();

await page.goto(url);
await page.fill("#token", token);
await page.click("text=Use it");
await page.click("text=Explorer");
await page.waitForSelector("#decoded[aria-busy='false']");
const title = await page.textContent("h1");
const picture = await page.evaluate(() => {
  const { width, height } = document.querySelector("#picture");
  return [width, height];
});
await browser.close();
console.log(JSON.stringify({ notice, title, picture, foreign, errors }));
