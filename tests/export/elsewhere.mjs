// Runs models in Node and in a browser, and prints what they say as JSON.
//
//     node elsewhere.mjs URL TASK.json
//
// TASK.json: for each model its `input`, `output`, `shape` and `values`; the browser fetches NAME.onnx from the URL.

import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { Browser } from "../browser.mjs";

const [url, taskPath] = process.argv.slice(2);
const require = createRequire(new URL("../../exported/examples/package.json", import.meta.url));
const ort = require("onnxruntime-node");
const task = JSON.parse(await readFile(taskPath, "utf8"));

const answers = { node: {}, browser: {} };
for (const [name, model] of Object.entries(task)) {
  const session = await ort.InferenceSession.create(join(dirname(taskPath), `${name}.onnx`));
  const feeds = { [model.input]: new ort.Tensor("float32", model.values, model.shape) };
  answers.node[name] = Array.from((await session.run(feeds))[model.output].data);
}

const browser = await Browser.launch(new URL(url));
const { page } = await browser.open();
await page.goto(url);
answers.browser = await page.evaluate(runInBrowser, task);
await browser.close();
console.log(JSON.stringify(answers));

async function runInBrowser(models) {
  const runtime = await import("/runtime/ort.wasm.min.mjs");
  runtime.env.wasm.numThreads = 1;
  const found = {};
  for (const [name, model] of Object.entries(models)) {
    const session = await runtime.InferenceSession.create(`/${name}.onnx`);
    const feeds = { [model.input]: new runtime.Tensor("float32", model.values, model.shape) };
    found[name] = Array.from((await session.run(feeds))[model.output].data);
  }
  return found;
}
