// Connects the parts of the page: a change of z updates the point in the plane, the sliders and the picture.

import { Decoding } from "./decoding.js";
import { Features } from "./features.js";
import { Legend } from "./legend.js";
import { loadIndex, loadModel, loadRuntime, LoadError } from "./models.js";
import { Pictures } from "./pictures.js";
import { Scatter } from "./scatter.js";
import { nameOf, signed, Units } from "./units.js";
import { Walk } from "./walk.js";

const KEPT = 99; // times from a move to its picture; the page shows their median
const byId = (id) => document.getElementById(id);

let model = null;
let row = null; // what shows rows of the model: pictures or features
let z = null;
let axes = []; // the units across and up
let chosen = []; // the last two samples that were clicked, the latest at the end
let times = [];

const pictures = new Pictures(byId("pictures"));
const features = new Features(byId("features"));
const scatter = new Scatter(byId("scatter"), byId("marks"), [byId("nearer"), byId("further")], {
  onMove: moveTo,
  onPick: choose,
});
const legend = new Legend(byId("legend"), (muted) => scatter.mute(muted));
const units = new Units(byId("units"), byId("silent"), (unit, value) => go(z.with(unit, value)));
const walk = new Walk(byId("walk"), (share) => go(between(...chosen.map((sample) => model.meanOf(sample)), share)));
const decoding = new Decoding(show, complain);

// --- z moves ---

function go(next) {
  z = next;
  scatter.mark(z, chosen.map((sample) => model.meanOf(sample)));
  units.place(z);
  byId("decoded").ariaBusy = "true";
  decoding.request(model, z);
}

function show(values, { model: decoder, z: decoded, asked }) {
  if (decoder !== model) return; // another one was chosen in the meantime
  row.decoded(model.toShares(values));
  byId("decoded").ariaBusy = String(decoded !== z);
  byId("decoded-title").textContent = isAtSample() ? "Its reconstruction" : "Decoded";
  times = [...times, performance.now() - asked].slice(-KEPT);
  const median = times.toSorted((a, b) => a - b)[times.length >> 1];
  byId("measured").textContent = `${median.toFixed(1)} ms from a move to its picture.`;
}

function isAtSample() {
  return chosen.length > 0 && model.meanOf(chosen.at(-1)).every((value, unit) => value === z[unit]);
}

function between(from, to, share) {
  return from.map((value, unit) => value + share * (to[unit] - value));
}

// --- events ---

function moveTo(place, isSettled) {
  go(z.with(axes[0], place[0]).with(axes[1], place[1]));
  if (isSettled) byId("status").textContent = axes.map((unit) => `${nameOf(unit)} ${signed(z[unit])}`).join(", ");
}

function choose(sample) {
  if (sample !== chosen.at(-1)) chosen = [...chosen, sample].slice(-2);
  showSample(sample);
  walk.show(model, chosen);
  go(model.meanOf(sample));
}

function showSample(sample) {
  row.sample(sample === null ? null : model.sharesOf(sample));
  byId("sample-title").textContent = sample === null ? "" : describe(sample);
  byId("features-title").textContent = sample === null ? "Click a point to see its sample here." : describe(sample);
  byId("status").textContent = sample === null ? "" : `${describe(sample)}, and its reconstruction.`;
}

function describe(sample) {
  const { indices, classes, labels, is_ordered } = model.samples;
  const name = `${is_ordered ? "Frame" : "Sample"} ${indices[sample]}`;
  return classes ? `${name}, class ${classes[labels[sample]]}` : name;
}

function reset() {
  chosen = [];
  showSample(null);
  walk.show(model, chosen);
  legend.show(model.samples);
  lookAlong(model.units.slice(0, 2).sort((a, b) => a - b)); // the most active units
  go(new Float32Array(model.n_components));
}

function lookAlong(units) {
  axes = units;
  byId("across").value = axes[0];
  byId("up").value = axes[1];
  scatter.show(model, axes);
}

for (const [k, id] of ["across", "up"].entries()) {
  byId(id).addEventListener("change", (event) => {
    const unit = Number(event.target.value);
    lookAlong(unit === axes[1 - k] ? axes.toReversed() : axes.with(k, unit));
    go(z);
  });
}
byId("reset").addEventListener("click", reset);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && model && event.target.tagName !== "SELECT") reset();
});

// --- models ---

function use(loaded) {
  model = loaded;
  row = model.samples.image_shape ? pictures : features;
  byId("pictures").hidden = row !== pictures;
  byId("features").hidden = row !== features;
  row.show(model);
  times = [];
  byId("description").textContent = model.description;
  byId("shown").textContent = describeSamples(model.samples);
  byId("axes").hidden = model.n_components === 2;
  for (const id of ["across", "up"]) {
    byId(id).replaceChildren(...model.units.map((unit) => new Option(nameOf(unit), unit)));
  }
  units.show(model);
  byId("notice").hidden = true;
  document.querySelector("main").hidden = false;
  reset();
}

function describeSamples({ name, split, n_samples, classes, is_ordered }) {
  const grouped = String(n_samples).replace(/\B(?=(\d{3})+$)/g, "\u202f"); // 2000 as 2 000
  if (is_ordered) return `The means of ${grouped} frames of ${name}, colored by time.`;
  return `The means of ${grouped} ${split} samples of ${name}${classes ? ", colored by class" : ""}.`;
}

function complain(error) {
  if (!(error instanceof LoadError)) console.error(error);
  byId("notice").className = "";
  byId("notice").hidden = false;
  byId("notice").textContent = error instanceof LoadError ? error.message : `Something went wrong: ${error.message}`;
}

async function start() {
  const [ort, index] = await Promise.all([loadRuntime(), loadIndex()]);
  const select = byId("model");
  select.replaceChildren(...[...index.keys()].map((name) => new Option(name)));
  const asked = decodeURIComponent(location.hash.slice(1));
  if (index.has(asked)) select.value = asked;
  const loaded = new Map(); // promises of models, by name

  async function chooseModel() {
    const name = select.value;
    history.replaceState(null, "", `#${encodeURIComponent(name)}`);
    if (!loaded.has(name)) loaded.set(name, loadModel(ort, index.get(name)));
    const found = await loaded.get(name).catch((error) => {
      loaded.delete(name); // it may load the next time
      throw error;
    });
    if (name === select.value) use(found);
  }

  select.addEventListener("change", () => chooseModel().catch(complain));
  await chooseModel();
}

start().catch(complain);
