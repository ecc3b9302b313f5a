// Uses an explorer of two models as a person would, and prints what it saw as JSON.
//
//     node page.mjs URL TASK.json [FOLDER FOR SCREENSHOTS]
//
// TASK.json: `plane` and `units` name a model of two latent units and one of more; `places` are two samples' means
// in the plane of the former, with no other sample near; `rows` are to be decoded by it.

import { readFile } from "node:fs/promises";

import { Browser, dragWithFinger, dragWithMouse, LOOKS, overflow, violations } from "../browser.mjs";

const [url, taskPath, screenshots] = process.argv.slice(2);
const task = JSON.parse(await readFile(taskPath, "utf8"));
const MISSING = { decoder: "**/decoder.onnx", index: "**/explorer.json", runtime: "**/ort*", samples: "**/data/*" };

const browser = await Browser.launch(new URL(url));
const report = { looks: {}, notices: {} };
for (const [name, options] of Object.entries(LOOKS)) report.looks[name] = await use(name, options);
report.modules = await callModules();
for (const [what, pattern] of Object.entries(MISSING)) report.notices[what] = await noticeWithout(pattern);
await browser.close();
console.log(JSON.stringify(report));

async function use(look, options) {
  const { context, page, foreign, errors } = await browser.open({ ...options, deviceScaleFactor: 2 });
  const seen = { foreign, errors, steps: {} };
  const keep = async (step) => {
    seen.steps[step] = await snapshot(page);
    if (screenshots) await page.screenshot({ path: `${screenshots}/${look}-${step}.png`, fullPage: true });
  };
  const click = options.hasTouch ? (place) => page.touchscreen.tap(...place) : (place) => page.mouse.click(...place);
  const drag = options.hasTouch ? dragWithFinger : dragWithMouse;

  await page.goto(`${url}#${task.plane}`);
  await keep("start");
  seen.broken = await violations(page);
  seen.focused = await tabThrough(page);

  await page.focus("#unit-0");
  for (let i = 0; i < 10; i += 1) await page.keyboard.press("ArrowRight");
  await keep("slid");

  const path = [await placeOf(page, [0, 0]), await placeOf(page, [1, -1])];
  const before = await page.evaluate(() => scrollY);
  await drag(page, path);
  seen.moved = (await page.evaluate(() => scrollY)) - before;
  await keep("dragged");

  await page.focus("#scatter");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Shift+ArrowUp");
  seen.outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  await keep("stepped");
  await page.keyboard.press("Enter");
  await keep("nearest");
  await page.keyboard.press("Escape");
  await keep("escaped");

  for (const [i, place] of task.places.entries()) {
    await click(await placeOf(page, place));
    await keep(`clicked${i + 1}`);
  }
  await page.evaluate(() => {
    const walk = document.querySelector("#walk");
    walk.value = 0.25;
    walk.dispatchEvent(new Event("input"));
  });
  await keep("walked");
  await page.click("#reset");
  await keep("reset");

  await muteAll(page);
  await click(await placeOf(page, task.places[0]));
  await keep("muted");

  await page.selectOption("#model", task.units);
  await page.waitForFunction((name) => document.querySelector("#description").textContent.includes(name), task.units);
  await keep("units");
  await page.click("summary");
  await page.locator("#silent input").first().press("End");
  await keep("silent");
  await muteAll(page);
  await page.selectOption("#across", { index: 2 });
  await drag(page, [await placeOf(page, [0, 0]), await placeOf(page, [0.5, 0.5])]);
  await keep("along");

  await page.goto(`${url}#${task.plane}`);
  await page.reload();
  seen.zoomed = await lookFromNearer(page, drag, keep);
  if (options.hasTouch) seen.pinched = await pinch(page, keep);
  await context.close();
  return seen;
}

// Zoom by buttons, wheel and keys; return what the page is like after each.
async function lookFromNearer(page, drag, keep) {
  const state = async () => {
    await snapshot(page);
    return page.evaluate(() => ({
      z: [...document.querySelectorAll(".unit input")].map((slider) => slider.valueAsNumber),
      here: ["cx", "cy"].map((name) => parseFloat(document.querySelector(".here").getAttribute(name))),
      limit: Number(document.querySelector(".unit input").max),
      isWhole: document.querySelector("#further").disabled,
      isClosest: document.querySelector("#nearer").disabled,
      scrolled: scrollY,
    }));
  };
  const seen = { whole: await state() };
  for (let i = 0; i < 2; i += 1) await page.click("#nearer");
  await drag(page, [await placeOf(page, [0, 0]), await shareOf(page, [0.75, 0.25])]);
  await keep("zoomed");
  seen.dragged = await state();
  await page.focus("#unit-0");
  await page.keyboard.press("End");
  seen.followed = await state();
  await page.mouse.move(...(await shareOf(page, [0.5, 0.5])));
  seen.before = await state();
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -5000);
  await page.waitForSelector("#nearer:disabled");
  await page.keyboard.up("Control");
  seen.wheeled = await state();
  await page.focus("#scatter");
  for (let i = 0; i < 6; i += 1) await page.keyboard.press("-");
  seen.keyed = await state();
  await page.keyboard.press("+");
  await page.keyboard.press("Escape");
  seen.reset = await state();
  return seen;
}

async function shareOf(page, [x, y]) {
  await page.evaluate(() => document.querySelector("#scatter").scrollIntoView({ block: "nearest" }));
  const box = await page.locator("#scatter").boundingBox();
  return [box.x + x * box.width, box.y + y * box.height];
}

// Spread two fingers from the midst of the plane until they are twice as far apart; return the limits of what is seen
// on its grid then, by where a finger finds z.
async function pinch(page) {
  await page.click("#reset");
  const client = await page.context().newCDPSession(page);
  const touch = (type, touchPoints) => client.send("Input.dispatchTouchEvent", { type, touchPoints });
  const [x, y] = await placeOf(page, [0, 0]);
  const fingers = (apart) => [
    { x: x - apart, y, id: 0 },
    { x: x + apart, y, id: 1 },
  ];
  await touch("touchStart", [fingers(40)[0]]);
  await touch("touchStart", fingers(40));
  for (const apart of [50, 60, 70, 80]) await touch("touchMove", fingers(apart));
  await touch("touchEnd", []);
  await dragWithFinger(page, [[x, y], await shareOf(page, [0.75, 0.25])]);
  return snapshot(page);
}

async function muteAll(page) {
  for (const button of await page.locator("#legend button").all()) await button.click();
}

// Where a point of the plane is on the screen.
async function placeOf(page, [across, up]) {
  await page.evaluate(() => document.querySelector("#scatter").scrollIntoView({ block: "nearest" }));
  const { x, y, width } = await page.locator("#scatter").boundingBox();
  const limit = Number(await page.locator(".unit input").first().getAttribute("max"));
  return [x + ((1 + across / limit) * width) / 2, y + ((1 - up / limit) * width) / 2];
}

// Press Tab from the top of the page to its end; return what had the focus.
async function tabThrough(page) {
  const focused = [];
  for (let i = 0; i < 40; i += 1) {
    await page.keyboard.press("Tab");
    const name = await page.evaluate(() => {
      const { id, textContent } = document.activeElement;
      return document.activeElement === document.body ? null : id || textContent;
    });
    if (name === null) break;
    focused.push(name);
  }
  return focused;
}

// What a person sees, once the picture is there.
async function snapshot(page) {
  await page.waitForSelector("#decoded[aria-busy='false']", { state: "attached" });
  const seen = await page.evaluate(() => {
    const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
    const bytes = (selector) => {
      const canvas = document.querySelector(selector);
      if (!canvas.checkVisibility()) return null;
      const context = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
      context.drawImage(canvas, 0, 0);
      const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
      return Array.from(data.filter((_, i) => i % 4 === 0));
    };
    const scatter = document.querySelector("#scatter");
    const drawn = new OffscreenCanvas(scatter.width, scatter.height).getContext("2d");
    drawn.drawImage(scatter, 0, 0);
    const here = document.querySelector(".here");
    return {
      units: texts(".unit label"),
      z: texts(".unit output").map((text) => Number(text.replace("−", "-"))),
      kl: texts(".kl"),
      sliders: [...document.querySelectorAll(".unit input")].map((slider) => slider.valueAsNumber),
      here: ["cx", "cy"].map((name) => parseFloat(here.getAttribute(name))),
      limit: Number(document.querySelector(".unit input").max),
      picture: bytes("#picture"),
      sample: bytes("#sample"),
      captions: texts("figcaption"),
      status: texts("#status")[0],
      walk: document.querySelector("#walk").disabled,
      pressed: [...document.querySelectorAll("#legend button")].map((button) => button.ariaPressed),
      legend: texts("#legend button"),
      shown: texts("#shown")[0],
      silent: document.querySelector("#silent").checkVisibility() ? texts("summary")[0] : "",
      axes: [...document.querySelectorAll("#axes select")].map((select) => select.selectedOptions[0].textContent),
      axes_are_shown: document.querySelector("#axes").checkVisibility(),
      colors: new Set(new Uint32Array(drawn.getImageData(0, 0, scatter.width, scatter.height).data.buffer)).size,
      sharpness: scatter.width / scatter.clientWidth,
      background: getComputedStyle(document.body).backgroundColor,
      notice: document.querySelector("#notice").hidden ? "" : texts("#notice")[0],
      address: location.hash,
    };
  });
  return { ...seen, overflow: await overflow(page) };
}

// What only the page's own modules tell.
async function callModules() {
  const { context, page, errors } = await browser.open();
  await page.goto(url);
  const told = await page.evaluate(async ({ plane, rows }) => {
    const { loadIndex, loadModel, loadRuntime } = await import("./models.js");
    const model = await loadModel(await loadRuntime(), (await loadIndex()).get(plane));
    const x_mean = Array.from(await model.decode(Float32Array.from(rows.flat())));

    const { Decoding } = await import("./decoding.js");
    const decoded = [];
    const shown = await new Promise((resolve) => {
      const results = [];
      const show = (features) => results.push(features) && features === 99 && resolve(results);
      const decoding = new Decoding(show, () => {});
      const fake = { decode: async (z) => decoded.push(z) && z };
      for (let z = 0; z < 100; z += 1) decoding.request(fake, z);
    });

    const failed = await new Promise((resolve) => {
      const decoding = new Decoding(resolve, (error) => {
        decoding.request({ decode: async () => `after ${error.message}` }, 0);
      });
      decoding.request({ decode: () => Promise.reject(new Error("an error")) }, 0);
    });

    const { paint } = await import("./pictures.js");
    const canvas = document.createElement("canvas");
    paint(canvas, [0, 0.5, 2], null);
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const heights = [0, 1, 2].map((bar) => {
      const alpha = (y) => pixels.data[4 * (y * canvas.width + (bar * canvas.width) / 3) + 3];
      return Array.from({ length: canvas.height }, (_, y) => alpha(y)).filter((value) => value > 0).length;
    });
    return { x_mean, decoded, shown, failed, bars: heights.map((height) => height / canvas.height), names: await nameInk() };

    // How many pixels of a class's name are seen where its samples lie one upon the other.
    async function nameInk() {
      const { draw } = await import("./drawing.js");
      const { View } = await import("./view.js");
      const crowd = document.createElement("canvas");
      crowd.style.width = "200px";
      crowd.style.setProperty("--ink", "#010203");
      document.body.append(crowd);
      const samples = { n_samples: 500, labels: Array(500).fill(0), classes: ["A"] };
      const meanOf = (i) => [0.05 * Math.sin(i), 0.05 * Math.cos(i)];
      draw(crowd, { model: { samples, meanOf }, axes: [0, 1], muted: new Set(), view: new View(3) });
      const { data } = crowd.getContext("2d").getImageData(0, 0, crowd.width, crowd.height);
      crowd.remove();
      return data.filter((_, at) => at % 4 === 0 && data[at] === 1 && data[at + 1] === 2 && data[at + 2] === 3).length;
    }
  }, task);
  await context.close();
  return { ...told, errors };
}

async function noticeWithout(pattern) {
  const { context, page } = await browser.open();
  await context.route(pattern, (route) => route.fulfill({ status: 404 }));
  await page.goto(url);
  const notice = await page.waitForSelector("#notice:not(.waiting)");
  const text = await notice.textContent();
  await context.close();
  return text;
}
