// Draws what is in view of the plane of two latent units: a grid, the samples' means, and the names of classes.

import { colorsOf } from "./colors.js";
import { nameOf } from "./units.js";

const STEPS = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50]; // from one line of the grid to the next
const MOST_LINES = 10;
const EDGE = 24; // pixels from a side within which no number is written
const [AXIS, SHORT, LONG] = ["12px", "600 16px", "600 13px"]; // letters of axes, and of short and long names
const LINE = 14; // pixels from one name to the next below

/** Draw a scene on a square canvas: `{ model, axes, muted, view }`. */
export function draw(canvas, scene) {
  const side = canvas.clientWidth;
  const context = canvas.getContext("2d");
  canvas.width = canvas.height = Math.round(side * devicePixelRatio);
  context.scale(canvas.width / side, canvas.width / side);
  const style = getComputedStyle(canvas);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  context.font = `${AXIS} ${style.fontFamily}`;
  drawGrid(context, side, color, scene);
  drawSamples(context, side, color, scene, colorsOf(scene.model.samples, canvas));
  drawNumbers(context, side, color, scene);
  drawClassNames(context, side, color, scene);
}

function drawGrid(context, side, color, { view }) {
  for (const [k, lines] of gridOf(view).entries()) {
    for (const { value, share } of lines) {
      const at = Math.round(share * side) + 0.5;
      const ends = [0, side].map((end) => (k === 0 ? [at, end] : [end, at]));
      context.strokeStyle = color(value === 0 ? "axis" : "line");
      context.beginPath();
      context.moveTo(...ends[0]);
      context.lineTo(...ends[1]);
      context.stroke();
    }
  }
}

// Every other line has its number, if that is clear of the corners and of the names of the axes.
function drawNumbers(context, side, color, { axes, view }) {
  const write = (text, x, y) => writeOver(context, text, x, y, color("muted"), color("surface"));
  const [across, up] = gridOf(view).map((lines) =>
    lines.filter(({ n, share }) => n % 2 === 0 && share * side > EDGE && share * side < side - 2 * EDGE),
  );
  context.textAlign = "center";
  for (const { value, share } of across) write(written(value), share * side, side - 8);
  context.textAlign = "left";
  for (const { value, share } of up) write(written(value), 8, share * side + 4);
  write(`↑ ${nameOf(axes[1])}`, 8, 18);
  context.textAlign = "right";
  write(`${nameOf(axes[0])} →`, side - 8, side - 8);
}

/** The lines across and up that are in view: their number from zero, their value, and where they are seen. */
function gridOf(view) {
  const step = STEPS.find((each) => (2 * view.half) / each <= MOST_LINES) ?? STEPS.at(-1);
  return view.center.map((center, k) => {
    const first = Math.ceil((center - view.half) / step);
    const last = Math.floor((center + view.half) / step);
    return Array.from({ length: last - first + 1 }, (_, i) => {
      const value = (first + i) * step;
      return { n: first + i, value, share: view.shareOf([value, value])[k] };
    });
  });
}

const written = (value) => String(Number(value.toFixed(2))).replace("-", "−");

function drawSamples(context, side, color, { model, axes, muted, view }, colors) {
  const { n_samples, labels } = model.samples;
  const radius = n_samples > 1000 ? 2.25 : 3;
  context.globalAlpha = 0.8;
  for (let i = 0; i < n_samples; i += 1) {
    const [x, y] = pixelsOf(model.meanOf(i), side, axes, view);
    context.fillStyle = muted.has(labels?.[i]) ? color("line") : colors[i];
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
  context.globalAlpha = 1;
}

// A class's name in the midst of its samples that are in view, over them, or right below other names there: no class
// has to be told by its color alone.
function drawClassNames(context, side, color, { model, axes, muted, view }) {
  const { classes } = model.samples;
  if (!classes) return;
  const isShort = classes.every((name) => name.length < 4);
  context.font = context.font.replace(AXIS, isShort ? SHORT : LONG);
  context.textAlign = "center";
  context.textBaseline = "middle";
  const drawn = [];
  for (const [label, name] of classes.entries()) {
    const places = muted.has(label) ? [] : placesOf(label, side, model, axes, view);
    if (!places.length) continue;
    const { width } = context.measureText(name);
    let [x, y] = [0, 1].map((k) => median(places.map((place) => place[k])));
    const isTaken = (other) => Math.abs(other.y - y) < LINE && Math.abs(other.x - x) < (other.width + width) / 2 + 4;
    while (drawn.some(isTaken)) y += LINE / 2;
    drawn.push({ x, y, width });
    writeOver(context, name, x, y, color("ink"), color("surface"));
  }
}

/** Write a text that stays legible over samples. */
function writeOver(context, text, x, y, ink, surface) {
  context.lineWidth = 4;
  context.lineJoin = "round";
  context.strokeStyle = surface;
  context.strokeText(text, x, y);
  context.fillStyle = ink;
  context.fillText(text, x, y);
}

function placesOf(label, side, model, axes, view) {
  const isSeen = (place) => place.every((value) => value >= 0 && value <= side);
  return model.samples.labels
    .flatMap((other, i) => (other === label ? [pixelsOf(model.meanOf(i), side, axes, view)] : []))
    .filter(isSeen);
}

const pixelsOf = (z, side, axes, view) => view.shareOf(axes.map((unit) => z[unit])).map((share) => share * side);

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
