// Opens an explorer of one model of color images, and prints what it decodes and paints as JSON.
//
//     node color_page.mjs URL

import { Browser } from "../browser.mjs";

const [url] = process.argv.slice(2);
const browser = await Browser.launch(new URL(url));
const { page, errors } = await browser.open();
await page.goto(url);
await page.waitForSelector("#decoded[aria-busy='false']");
const seen = await page.evaluate(async () => {
  const canvas = document.querySelector("#picture");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const { loadIndex, loadModel, loadRuntime } = await import("./models.js");
  const model = await loadModel(await loadRuntime(), [...(await loadIndex()).values()][0]);
  const rows = Array.from({ length: 40 }, (_, i) => Math.sin(i));
  const decoded = Array.from(await model.decode(Float32Array.from(rows)));
  return { picture: Array.from(data), rows, decoded, low: model.samples.low[0], high: model.samples.high[0] };
});
await browser.close();
console.log(JSON.stringify({ ...seen, errors }));
