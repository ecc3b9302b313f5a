// Uses the service's page as a person would, and prints what it saw as JSON.
//
//     node page.mjs URL [FOLDER FOR SCREENSHOTS]

import { Browser, LOOKS, overflow, violations } from "../../browser.mjs";

const [url, screenshots] = process.argv.slice(2);
const browser = await Browser.launch(new URL(url));
const report = { looks: {} };
for (const [name, options] of Object.entries(LOOKS)) report.looks[name] = await use(name, options);
await browser.close();
console.log(JSON.stringify(report));

async function use(look, options) {
  const { context, page, foreign, errors } = await browser.open(options);
  const seen = { foreign, errors, steps: {} };
  const keep = async (step) => {
    if (screenshots) await page.screenshot({ path: `${screenshots}/${look}-${step}.png`, fullPage: true });
    seen.steps[step] = { ...(await state(page)), overflow: await overflow(page), broken: await violations(page) };
  };

  await page.goto(url, { waitUntil: "networkidle" });
  await page.waitForSelector("#state.good");
  await keep("start");
  await page.click("text=mnist-100-labels-vae");
  seen.name_is_visible = await page.locator("#name").evaluate((name) => {
    const { top, bottom } = name.getBoundingClientRect();
    return top >= 0 && bottom <= innerHeight;
  });
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
  await page.fill("#row", `2${", 0".repeat(63)}`);
  seen.warning = await page.textContent("#warning");
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
