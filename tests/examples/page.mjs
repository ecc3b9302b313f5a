// Uses the page in exported/examples/browser as a person would, and prints what it saw as JSON.
//
//     node page.mjs URL ROWS.json [FOLDER FOR SCREENSHOTS]

import { readFile } from "node:fs/promises";

import { Browser, dragWithFinger, dragWithMouse, LOOKS } from "../browser.mjs";

const [url, rowsPath, screenshots] = process.argv.slice(2);
const rows = JSON.parse(await readFile(rowsPath, "utf8"));
const LINE = [
  [0.5, 0.2],
  [0.5, 0.8],
];
const THREE = [...arc(0.48, 0.33, 0.15, -150, 100), ...arc(0.48, 0.65, 0.18, -100, 150)];

const browser = await Browser.launch(new URL(url));
const report = { looks: {}, notices: {} };
for (const [name, options] of Object.entries(LOOKS)) report.looks[name] = await use(name, options);
report.rows = await runRows();
report.notices.model = await noticeWithout("**/mnist-100-labels-vae/model.onnx");
report.notices.card = await noticeWithout("**/mnist-100-labels-raw/model.json");
report.notices.runtime = await noticeWithout("**/node_modules/**");
report.notices.samples = await noticeWithout("**/samples.json");
await browser.close();
console.log(JSON.stringify(report));

// Points on a circle, clockwise from one angle to another, in degrees; 0 is to the right.
function arc(x, y, radius, from, to) {
  return Array.from({ length: 25 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / 24) * Math.PI) / 180;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  });
}

async function use(look, options) {
  const { context, page, foreign, errors } = await browser.open(options);
  const seen = { foreign, errors };
  await page.goto(url);
  await page.waitForSelector("html.ready, #notice.error");
  seen.empty = await snapshot(page);
  seen.focused = await tabThrough(page);

  const drag = options.hasTouch ? dragWithFinger : dragWithMouse;
  const draw = async (points) => drag(page, await placesOnPad(page, points));
  await page.locator("#pad").scrollIntoViewIfNeeded();
  const before = await page.evaluate(() => scrollY);
  await draw(LINE);
  seen.moved = (await page.evaluate(() => scrollY)) - before;
  seen.line = await snapshot(page);
  await page.keyboard.press("Delete");
  seen.deleted = await snapshot(page);

  await draw(THREE);
  seen.three = await snapshot(page);
  await keep(page, `${look}-drawn`);
  await page.click("#clear");
  seen.cleared = await snapshot(page);

  await page.focus("#samples [tabindex='0']");
  seen.picked = [];
  for (const key of ["ArrowRight", "ArrowDown", "ArrowRight", "ArrowLeft", "ArrowUp", "ArrowUp"]) {
    await page.keyboard.press(key);
    seen.picked.push(await snapshot(page));
  }
  seen.outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  await page.click("#samples button:nth-child(20)");
  seen.clicked = await snapshot(page);
  await keep(page, look);
  await page.keyboard.press("Escape");
  seen.escaped = await snapshot(page);
  await context.close();
  return seen;
}

// Points of the unit square, as places on the pad.
async function placesOnPad(page, points) {
  const { x, y, width } = await page.locator("#pad").boundingBox();
  return points.map(([u, v]) => [x + u * width, y + v * width]);
}

// Press Tab from the top of the page to its end; return what had the focus.
async function tabThrough(page) {
  const focused = [];
  for (let i = 0; i < 6; i += 1) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => document.activeElement.id || document.activeElement.ariaLabel);
    if (!name || focused.includes(name)) break;
    focused.push(name);
  }
  return focused;
}

// What a person sees, once the models have answered.
async function snapshot(page) {
  await page.waitForSelector("#result[aria-busy='false']");
  return page.evaluate(() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
    const shares = (selector) =>
      [...document.querySelectorAll(selector)].map((bar) => Number(bar.style.getPropertyValue("--share")));
    const bottom = (selector) => document.querySelector(selector).getBoundingClientRect().bottom;
    const top = (selector) => document.querySelector(selector).getBoundingClientRect().top;
    // By way of a copy: Chromium warns of canvases that are read again and again.
    const bytes = (selector) => {
      const canvas = document.querySelector(selector);
      const context = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
      context.drawImage(canvas, 0, 0);
      return context.getImageData(0, 0, canvas.width, canvas.height).data;
    };
    return {
      pixels: Array.from(bytes("#received").filter((_, i) => i % 4 === 0)),
      verdict: texts("#verdict")[0],
      status: texts("#status")[0],
      accuracy: texts(".accuracy"),
      digits: texts(".digit"),
      sure: texts(".sure"),
      values: { raw: texts("td.raw .value"), vae: texts("td.vae .value"), z_mean: texts("#latents .value") },
      shares: { raw: shares("td.raw .bar"), vae: shares("td.vae .bar"), z_mean: shares("#latents .bar") },
      checked: [...document.querySelectorAll("[aria-checked='true']")].map((button) => button.ariaLabel),
      truth: texts("tr.truth th"),
      ink: bytes("#pad").some((value) => value > 0),
      notice: document.querySelector("#notice").hidden ? "" : texts("#notice")[0],
      overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      reach: bottom(".digit") - top("#pad"),
      transition: getComputedStyle(document.querySelector("td .bar")).transitionDuration,
      background: getComputedStyle(document.body).backgroundColor,
    };
  });
}

async function keep(page, name) {
  if (!screenshots) return;
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: `${screenshots}/${name}.png`, fullPage: true });
}

// Many rows at once, through the page's own modules.
async function runRows() {
  const { context, page, foreign, errors } = await browser.open();
  await page.goto(url);
  const outputs = await page.evaluate(async (rows) => {
    const { loadModel, loadRuntime } = await import("./models.js");
    const ort = await loadRuntime();
    const run = async (folder) => (await loadModel(ort, folder)).run(Float32Array.from(rows.flat()));
    return { raw: await run("mnist-100-labels-raw"), vae: await run("mnist-100-labels-vae") };
  }, rows);
  await context.close();
  return { ...outputs, foreign, errors };
}

async function noticeWithout(pattern) {
  const { context, page } = await browser.open();
  await context.route(pattern, (route) => route.fulfill({ status: 404 }));
  await page.goto(url);
  const notice = await page.waitForSelector("#notice.error");
  const text = await notice.textContent();
  await context.close();
  return text;
}
