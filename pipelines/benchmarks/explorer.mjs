// Moves a slider of an explorer again and again; prints how many milliseconds each picture took, as JSON.
//
//     node explorer.mjs URL MOVES

import { createRequire } from "node:module";

const require = createRequire(new URL("../../exported/examples/package.json", import.meta.url));
const { chromium } = require("playwright-core");

const [url, moves] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--disable-gpu"] });
const page = await browser.newPage();
await page.goto(url);
await page.waitForSelector("#decoded[aria-busy='false']");
console.log(JSON.stringify(await page.evaluate(measure, Number(moves))));
await browser.close();

// In the page: from the slider's input event until the picture is drawn.
async function measure(count) {
  const decoded = document.querySelector("#decoded");
  const slider = document.querySelector(".unit input");
  const isDrawn = () =>
    new Promise((resolve) => {
      const observer = new MutationObserver(() => {
        if (decoded.ariaBusy !== "false") return;
        observer.disconnect();
        resolve();
      });
      observer.observe(decoded, { attributeFilter: ["aria-busy"] });
    });
  const times = [];
  for (let i = 0; i < count; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20 * Math.random())); // anywhere between two frames
    slider.value = 2 * Math.sin(i);
    const drawn = isDrawn();
    const start = performance.now();
    slider.dispatchEvent(new Event("input"));
    await drawn;
    times.push(performance.now() - start);
  }
  return times;
}
