// The plane of two latent units: the samples' means, drawn on a canvas, and the point that a person moves.

import { colorsOf } from "./colors.js";
import { nameOf } from "./units.js";

const CLICK = 4; // pixels that a pointer may move between down and up to be a click
const REACH = { touch: 24, mouse: 12 }; // pixels within which a click finds a sample
const STEP = 0.1; // of an arrow key; with Shift five times as much
const [AXIS, SHORT, LONG] = ["12px", "600 16px", "600 13px"]; // letters of axes, and of short and long names
const LINE = 14; // pixels from one name to the next below
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Scatter {
  #canvas;
  #marks;
  #handlers;
  #model = null;
  #axes = [0, 1]; // units across and up
  #muted = new Set(); // classes
  #z = [];
  #press = null; // where a pointer went down, and whether it has moved since

  /**
   * `onMove([across, up], isSettled)` is called when the point is moved, with whether it stays for now;
   * `onPick(sample)` when a sample is clicked.
   */
  constructor(canvas, marks, handlers) {
    this.#canvas = canvas;
    this.#marks = marks;
    this.#handlers = handlers;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#drag(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", () => (this.#press = null));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  show(model, axes) {
    this.#model = model;
    this.#axes = axes;
    this.#draw();
  }

  /** Draw the samples of these classes as if they were not there. */
  mute(classes) {
    this.#muted = classes;
    this.#draw();
  }

  /** Mark the point z, and the latent means of the samples that were chosen. */
  mark(z, chosen) {
    this.#z = z;
    const [across, up, path, ...circles] = this.#marks.children;
    const [x, y] = this.#percent(z);
    set(across, { y1: y, y2: y });
    set(up, { x1: x, x2: x });
    set(circles.at(-1), { cx: x, cy: y });
    const places = chosen.map((mean) => this.#percent(mean));
    circles.slice(0, 2).forEach((circle, i) => {
      circle.toggleAttribute("hidden", !places[i]);
      if (places[i]) set(circle, { cx: places[i][0], cy: places[i][1] });
    });
    path.toggleAttribute("hidden", places.length < 2);
    if (places.length === 2) set(path, { x1: places[0][0], y1: places[0][1], x2: places[1][0], y2: places[1][1] });
  }

  // --- places ---

  #percent(z) {
    const { limit } = this.#model;
    const [across, up] = this.#axes.map((unit) => (50 * z[unit]) / limit);
    return [`${50 + across}%`, `${50 - up}%`];
  }

  #placeOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    const { limit } = this.#model;
    const inside = (share) => Math.min(1, Math.max(0, share)) * 2 * limit - limit;
    return [inside((clientX - left) / width), -inside((clientY - top) / height)];
  }

  /** The sample nearest to a place, if it is within so many pixels. */
  #nearest([across, up], reach) {
    const model = this.#model;
    let [found, least] = [null, (reach * 2 * model.limit) / this.#canvas.clientWidth];
    for (let i = 0; i < model.samples.n_samples; i += 1) {
      const mean = model.meanOf(i);
      const distance = Math.hypot(mean[this.#axes[0]] - across, mean[this.#axes[1]] - up);
      if (distance < least && !this.#isMuted(i)) [found, least] = [i, distance];
    }
    return found;
  }

  #isMuted(sample) {
    return this.#muted.has(this.#model.samples.labels?.[sample]);
  }

  // --- what a person does ---

  #down(event) {
    if (this.#press || event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#press = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false };
    this.#handlers.onMove(this.#placeOf(event), false);
  }

  #drag(event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    press.moved ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > CLICK;
    if (press.moved) this.#handlers.onMove(this.#placeOf(event), false);
  }

  #up(event) {
    const press = this.#press;
    if (press?.id !== event.pointerId) return;
    this.#press = null;
    if (press.moved) this.#handlers.onMove(this.#placeOf(event), true);
    else this.#pick(this.#placeOf(event), event.pointerType === "touch" ? REACH.touch : REACH.mouse);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = this.#axes.map((unit) => this.#z[unit]);
    if (event.key === "Enter") this.#pick(here, Infinity);
    else if (event.key in ARROWS) this.#step(here, ARROWS[event.key], event.shiftKey ? 5 * STEP : STEP);
    else return;
    event.preventDefault();
  }

  #step(here, directions, step) {
    const { limit } = this.#model;
    const moved = here.map((value, i) => Math.min(limit, Math.max(-limit, value + directions[i] * step)));
    this.#handlers.onMove(moved, true);
  }

  #pick(place, reach) {
    const sample = this.#nearest(place, reach);
    if (sample !== null) this.#handlers.onPick(sample);
  }

  // --- drawing ---

  #draw() {
    const side = this.#canvas.clientWidth;
    if (!this.#model || !side) return;
    const context = this.#canvas.getContext("2d");
    this.#canvas.width = this.#canvas.height = Math.round(side * devicePixelRatio);
    context.scale(this.#canvas.width / side, this.#canvas.width / side);
    const style = getComputedStyle(this.#canvas);
    const color = (name) => style.getPropertyValue(`--${name}`).trim();
    context.font = `${AXIS} ${style.fontFamily}`;
    this.#drawGrid(context, side, color);
    this.#drawSamples(context, side, color);
    this.#drawClassNames(context, side, color);
  }

  #drawGrid(context, side, color) {
    const { limit } = this.#model;
    const at = (value) => Math.round(((value + limit) / (2 * limit)) * side) + 0.5;
    const step = limit > 10 ? 5 : limit > 5 ? 2 : 1;
    for (let value = step * Math.ceil(-limit / step); value <= limit; value += step) {
      context.strokeStyle = color(value === 0 ? "axis" : "line");
      context.beginPath();
      context.moveTo(at(value), 0);
      context.lineTo(at(value), side);
      context.moveTo(0, at(value));
      context.lineTo(side, at(value));
      context.stroke();
    }
    context.fillStyle = color("muted");
    context.textAlign = "center";
    for (let value = 2 * step * Math.ceil(-limit / (2 * step)); value < limit; value += 2 * step) {
      if (value > -limit) context.fillText(String(value).replace("-", "−"), at(value), side - 8);
    }
    context.textAlign = "right";
    context.fillText(`${nameOf(this.#axes[0])} →`, side - 8, side / 2 - 8);
    context.textAlign = "left";
    context.fillText(`↑ ${nameOf(this.#axes[1])}`, side / 2 + 8, 20);
  }

  #drawSamples(context, side, color) {
    const { samples } = this.#model;
    const colors = colorsOf(samples, this.#canvas);
    const radius = samples.n_samples > 1000 ? 2.25 : 3;
    context.globalAlpha = 0.8;
    for (let i = 0; i < samples.n_samples; i += 1) {
      const [x, y] = this.#pixels(this.#model.meanOf(i), side);
      context.fillStyle = this.#isMuted(i) ? color("line") : colors[i];
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
    }
    context.globalAlpha = 1;
  }

  // A class's name in the midst of its samples, or right below other names there: no class has to be told by its
  // color alone.
  #drawClassNames(context, side, color) {
    const { classes } = this.#model.samples;
    if (!classes) return;
    const isShort = classes.every((name) => name.length < 4);
    context.font = context.font.replace(AXIS, isShort ? SHORT : LONG);
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineWidth = 4;
    context.lineJoin = "round";
    const drawn = [];
    for (const [label, name] of classes.entries()) {
      if (this.#muted.has(label)) continue;
      const { width } = context.measureText(name);
      let [x, y] = this.#midstOf(label, side);
      const isTaken = (other) => Math.abs(other.y - y) < LINE && Math.abs(other.x - x) < (other.width + width) / 2 + 4;
      while (drawn.some(isTaken)) y += LINE / 2;
      drawn.push({ x, y, width });
      context.strokeStyle = color("surface");
      context.strokeText(name, x, y);
      context.fillStyle = color("ink");
      context.fillText(name, x, y);
    }
  }

  #midstOf(label, side) {
    const { labels } = this.#model.samples;
    const places = labels.flatMap((other, i) => (other === label ? [this.#pixels(this.#model.meanOf(i), side)] : []));
    return [0, 1].map((k) => median(places.map((place) => place[k])));
  }

  #pixels(z, side) {
    const { limit } = this.#model;
    const [across, up] = this.#axes.map((unit) => z[unit] / limit);
    return [((1 + across) * side) / 2, ((1 - up) * side) / 2];
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
