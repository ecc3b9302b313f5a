// Connects the parts of the page: drawings and test images go through both models and into the charts.

import { accuracyOf, Answer, LatentChart, ProbabilityChart } from "./charts.js";
import { fromBytes, fromStrokes, paint, SIDE } from "./digit.js";
import { loadModel, loadRuntime, LoadError } from "./models.js";
import { Pad } from "./pad.js";
import { Picker } from "./picker.js";

const FOLDERS = { raw: "mnist-100-labels-raw", vae: "mnist-100-labels-vae" };
const byId = (id) => document.getElementById(id);

let view = null; // models and charts, once they are loaded
let shown = null; // the content of the pad: { pixels, truth, finished }, or null
let running = false;

// --- events ---

const pad = new Pad(byId("pad"), (strokes, finished) => {
  picker?.clear();
  show({ pixels: fromStrokes(strokes), truth: null, finished });
});
let picker = null; // until the test images are loaded

function pick(sample, image) {
  pad.showImage(image);
  show({ pixels: fromBytes(sample.pixels), truth: sample.label, finished: true });
}

function clear() {
  pad.clear();
  picker?.clear();
  show(null);
  byId("status").textContent = "Cleared.";
}

byId("clear").addEventListener("click", clear);
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" || event.key === "Delete") clear();
  // Only on the pad and the picker; elsewhere the arrows scroll the page.
  else if (event.target.closest?.("#input") && picker?.handleKey(event.key)) event.preventDefault();
});

// --- results ---

function show(input) {
  shown = input;
  byId("input").classList.toggle("filled", input !== null);
  paint(byId("received"), input?.pixels ?? new Float32Array(SIDE * SIDE));
  if (!view) return; // shown as soon as the models are loaded
  byId("result").ariaBusy = String(input !== null);
  if (input === null) reset();
  else answer();
}

// One run at a time; then the latest drawing is run, if it changed in the meantime.
async function answer() {
  if (running) return;
  running = true;
  try {
    for (let done = null; shown !== null && shown !== done; ) {
      done = shown;
      const rows = await Promise.all(view.models.map((model) => model.run(done.pixels)));
      const answers = rows.map(([row]) => row);
      if (shown === null) return; // cleared in the meantime
      display(answers, done);
      byId("result").ariaBusy = String(shown !== done);
    }
  } catch (error) {
    complain(error);
  } finally {
    running = false;
  }
}

function display(answers, { truth, finished }) {
  view.probabilities.show(answers, truth);
  view.latents.show(answers[1].z_mean);
  view.answers.forEach((part, i) => part.show(answers[i], view.classes, truth));
  const sentence = describe(answers.map(({ label }) => label), truth);
  byId("verdict").textContent = sentence;
  if (finished) byId("status").textContent = sentence; // read aloud once a stroke ends, not at every move
}

function describe([raw, vae], truth) {
  if (truth === null) return raw === vae ? `Both read a ${raw}.` : `Pixels read a ${raw}, the VAE reads a ${vae}.`;
  if (raw === vae) return raw === truth ? `Both are right: a ${truth}.` : `Both are wrong: it is a ${truth}.`;
  if (raw === truth) return `It is a ${truth}: pixels are right, the VAE reads a ${vae}.`;
  if (vae === truth) return `It is a ${truth}: the VAE is right, pixels read a ${raw}.`;
  return `It is a ${truth}: pixels read a ${raw}, the VAE reads a ${vae}.`;
}

function reset() {
  view.probabilities.clear();
  view.latents.clear();
  for (const part of view.answers) part.clear();
  byId("verdict").textContent = "Draw a digit, or pick one.";
}

function complain(error) {
  const known = error instanceof LoadError;
  if (!known) console.error(error);
  const sentence = known ? error.message : `Something went wrong: ${error.message}`;
  byId("notice").className = "error";
  byId("notice").textContent = sentence;
  byId("verdict").textContent = "No answer.";
}

// 10000 as 10 000
function grouped(number) {
  return String(number).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

// --- loading ---

async function loadSamples() {
  const response = await fetch(new URL("../samples.json", import.meta.url));
  if (!response.ok) throw new LoadError("exported/examples/samples.json is missing: there are no test images to pick.");
  picker = new Picker(byId("samples"), await response.json(), pick);
}

async function loadModels() {
  const ort = await loadRuntime();
  const models = await Promise.all(Object.values(FOLDERS).map((folder) => loadModel(ort, folder)));
  const [, vae] = models;
  const [{ z_mean }] = await vae.run(new Float32Array(vae.card.inputs.n_features)); // counts them, and warms up
  view = {
    models,
    classes: vae.card.classes,
    answers: Object.keys(FOLDERS).map((id, i) => new Answer(byId(id), models[i].card)),
    probabilities: new ProbabilityChart(byId("probabilities"), vae.card.classes),
    latents: new LatentChart(byId("latents"), z_mean.length),
  };
  const { count } = accuracyOf(vae.card);
  if (count) byId("measured").textContent = `Accuracy on ${grouped(count)} test images, from the models’ cards.`;
  byId("notice").hidden = true;
  show(shown);
}

show(null);
Promise.all([loadSamples(), loadModels()]).then(
  () => document.documentElement.classList.add("ready"),
  complain,
);
