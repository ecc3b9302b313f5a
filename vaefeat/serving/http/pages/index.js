// The page is a client of the service like any other, and reads its statistics from /metrics.

import { Window } from "./numbers.js";
import { faultOf, warningOf, wordsOf } from "./row.js";

const SECTIONS = { inputs: "Input", outputs: "Outputs", metrics: "Measured", training: "Training", data: "Data" };
const $ = (selector) => document.querySelector(selector);
const models = new Map(); // name -> metadata, button and the example shown last
const numbers = new Window();
let chosen;

// --- the service ---

class Unauthorized extends Error {}

async function ask(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(path, { ...options, headers });
  if (response.status === 401) throw new Unauthorized();
  if (!response.ok) throw new Error((await response.json()).error);
  return response;
}

const askJson = async (path, options) => (await ask(path, options)).json();

async function start() {
  try {
    await listModels();
    $("#login").hidden = true;
    $("main").hidden = false;
    $("#explore").hidden = !(await askJson("v2")).extensions.includes("explorer");
    watch();
  } catch (error) {
    if (!(error instanceof Unauthorized)) return say(error.message);
    $("#login").hidden = false;
    $("#token").focus();
    if (sessionStorage.getItem("token")) say("This token is wrong.");
  }
}

function say(message) {
  $("#notice").textContent = message;
  $("#notice").hidden = !message;
}

$("#login").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("#token").value);
  say("");
  start();
});

// --- models ---

async function listModels() {
  const index = await askJson("v2/repository/index", { method: "POST" });
  const names = [...new Set(index.filter((entry) => entry.state === "READY").map((entry) => entry.name))];
  for (const name of names.filter((name) => !models.has(name))) {
    models.set(name, { metadata: await askJson(`v2/models/${name}`), example: -1 });
  }
  for (const name of [...models.keys()].filter((name) => !names.includes(name))) models.delete(name);
  $("#models").replaceChildren(...[...models].map(([name, model]) => (model.button = entryOf(name, model))));
  $("#refused").replaceChildren(
    ...index
      .filter((entry) => entry.state !== "READY")
      .map((entry) => element("li", { textContent: `${nameOf(entry)}: ${entry.reason}` })),
  );
  $(".detail").hidden = !names.length;
  $("#empty").hidden = names.length > 0;
  $("#models").hidden = !names.length;
  if (!names.length) return;
  choose(models.has(location.hash.slice(1)) ? location.hash.slice(1) : names[0]);
}

// An unloaded model has no version.
const nameOf = ({ name, version }) => (version ? `${name}, version ${version}` : name);

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

function entryOf(name, { metadata }) {
  const outputs = metadata.outputs.map((output) => output.name).join(", ");
  const numbers = element("dl", { className: "numbers" });
  for (const title of ["requests/s", "p50", "p99", "queue"]) {
    numbers.append(element("div", {}, element("dt", { textContent: title }), element("dd", { textContent: "–" })));
  }
  const button = element(
    "button",
    { type: "button", onclick: () => chooseAndShow(name) },
    element("div", { className: "model", textContent: name }),
    element("div", { className: "shape", textContent: `${metadata.inputs[0].shape[1]} features → ${outputs}` }),
    numbers,
  );
  button.setAttribute("role", "radio");
  return button;
}

function choose(name) {
  chosen = name;
  history.replaceState(null, "", `#${name}`);
  for (const [other, { button }] of models) button.setAttribute("aria-checked", other === name);
  const { metadata } = models.get(name);
  const card = metadata.properties;
  $("#name").textContent = name;
  $("#description").textContent = card.description ?? "";
  $("#row-label").textContent = `A row of ${metadata.inputs[0].shape[1]} numbers${range(card)}`;
  $("#example").hidden = !examples().length;
  $("#answer").replaceChildren();
  say("");
  note("");
  showCard(card, metadata);
  if (examples().length) showExample();
  else showRandom();
}

// On a phone, what a tap changes is below the list.
function chooseAndShow(name) {
  choose(name);
  const { top } = $(".detail").getBoundingClientRect();
  if (top > innerHeight / 2) $(".detail").scrollIntoView();
}

const range = (card) => (card.inputs?.range ? ` from ${card.inputs.range[0]} to ${card.inputs.range[1]}` : "");

function showCard(card, metadata) {
  const shown = [element("h3", { textContent: "Versions" }), entriesOf({ served: metadata.versions })];
  for (const [section, title] of Object.entries(SECTIONS)) {
    if (card[section]) shown.push(element("h3", { textContent: title }), entriesOf(card[section]));
  }
  $("#card").replaceChildren(...shown);
}

function entriesOf(entries) {
  const known = Object.entries(entries).filter(([, value]) => value !== null);
  return element(
    "dl",
    {},
    ...known.flatMap(([name, value]) => [
      element("dt", { textContent: name.replaceAll("_", " ") }),
      element("dd", { textContent: readable(value) }),
    ]),
  );
}

function readable(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  if (Array.isArray(value)) return value.map(readable).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// --- a row ---

const examples = () => models.get(chosen).metadata.properties.golden?.X ?? [];

function showExample() {
  const model = models.get(chosen);
  model.example = (model.example + 1) % examples().length;
  show(examples()[model.example]);
}

function showRandom() {
  const { metadata } = models.get(chosen);
  const [low, high] = metadata.properties.inputs?.range ?? [0, 1];
  const value = () => Number((low + (high - low) * Math.random()).toFixed(3));
  show(Array.from({ length: metadata.inputs[0].shape[1] }, value));
}

function show(row) {
  $("#row").value = row.join(", ");
  showFormsOfRow();
}

function showFormsOfRow() {
  showPicture();
  $("#warning").textContent = warningOf(row(), models.get(chosen).metadata.properties.inputs?.range);
  const token = sessionStorage.getItem("token") ? " -H 'Authorization: Bearer TOKEN'" : "";
  const address = new URL(`v2/models/${chosen}/infer`, location.href);
  $("#command pre").textContent = `curl${token} ${quoted(address.href)} -d ${quoted(request())}`;
}

// For a shell: within single quotes, only a single quote has a meaning.
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

const row = () => wordsOf($("#row").value).map(Number);

// A row whose length is a square number may be an image, so it is shown as one.
function showPicture() {
  const values = row();
  const side = Math.sqrt(values.length);
  const canvas = $("#picture");
  canvas.hidden = !Number.isInteger(side) || side < 5;
  if (canvas.hidden) return;
  canvas.width = canvas.height = side;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const picture = new ImageData(side, side);
  values.forEach((value, i) => {
    const gray = (255 * (value - low)) / (high - low || 1);
    picture.data.set([gray, gray, gray, 255], 4 * i);
  });
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

function request() {
  const data = row();
  const { name } = models.get(chosen).metadata.inputs[0];
  return JSON.stringify({ inputs: [{ name, shape: [1, data.length], datatype: "FP32", data }] });
}

async function send() {
  const name = chosen;
  const fault = faultOf(wordsOf($("#row").value), models.get(name).metadata.inputs[0].shape[1]);
  if (fault) {
    $("#answer").replaceChildren();
    return note(fault, "bad");
  }
  const start = performance.now();
  try {
    const answer = await askJson(`v2/models/${name}/infer`, { method: "POST", body: request() });
    if (name !== chosen) return; // another model was chosen in the meantime
    note(`${(performance.now() - start).toFixed(1)} ms round trip`);
    $("#answer").replaceChildren(...answer.outputs.map(drawn));
  } catch (error) {
    $("#answer").replaceChildren();
    note(error.message, "bad");
  }
}

function note(text, kind = "") {
  $("#time").textContent = text;
  $("#time").className = kind;
}

// --- outputs ---

function drawn(output) {
  const kind = `${output.datatype}, ${output.shape.join(" × ")}`;
  const title = element("h3", { textContent: output.name }, element("span", { textContent: kind }));
  const labels = models.get(chosen).metadata.properties.classes;
  const draw = output.shape.length === 1 ? label : output.name === "probabilities" && labels ? bars : columns;
  if (draw === columns) title.append(element("span", { textContent: extremes(output.data) }));
  return element("div", { className: "output" }, title, draw(output.data, labels));
}

const extremes = (values) => `${Math.min(...values).toPrecision(3)} to ${Math.max(...values).toPrecision(3)}`;

const label = ([value]) => element("p", { className: "label", textContent: readable(value) });

function bars(values, labels) {
  const chart = element("div", { className: "bars" });
  values.forEach((value, i) => {
    const bar = element("div", { className: "bar" });
    bar.style.setProperty("--share", value);
    const share = `${(100 * value).toFixed(1)} %`;
    chart.append(element("div", { textContent: labels[i] }), bar, element("div", { textContent: share }));
  });
  return chart;
}

function columns(values) {
  const largest = Math.max(...values.map(Math.abs)) || 1;
  const chart = element("div", { className: "columns" });
  chart.setAttribute("role", "img");
  chart.setAttribute("aria-label", values.map((value) => readable(value)).join(", "));
  values.forEach((value, i) => {
    const column = element("div", { title: `${i}: ${readable(value)}` });
    column.style.setProperty("--share", value / largest);
    chart.append(column);
  });
  return chart;
}

// --- numbers ---

async function watch() {
  let wasWell = true;
  for (;;) {
    try {
      numbers.add(await (await ask("metrics")).text(), performance.now() / 1000);
      for (const [name, { button }] of models) {
        const shown = numbers.of(name);
        button.querySelectorAll("dd").forEach((place, i) => (place.textContent = shown[i]));
      }
      const { ready } = await (await fetch("v2/health/ready")).json();
      state(ready ? "ready" : "not ready", ready ? "good" : "bad");
      if (!wasWell || !models.size) await listModels();
      wasWell = true;
    } catch {
      wasWell = false;
      state("not reachable", "bad");
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function state(text, kind) {
  if ($("#state").textContent !== text) $("#state").textContent = text;
  $("#state").className = kind;
}

// --- events ---

$("#try").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
$("#example").addEventListener("click", showExample);
$("#random").addEventListener("click", showRandom);
$("#row").addEventListener("input", showFormsOfRow);
$("#copy").addEventListener("click", () => navigator.clipboard.writeText($("#command pre").textContent));
$("#models").addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const names = [...models.keys()];
  choose(names[(names.indexOf(chosen) + step + names.length) % names.length]);
  models.get(chosen).button.focus();
});

start();
