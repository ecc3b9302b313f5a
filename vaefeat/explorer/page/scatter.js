// The plane of two latent units: what a person does there, and the marks over what is drawn.

import { draw } from "./drawing.js";
import { clamp, View } from "./view.js";

const CLICK = 4; // pixels that a pointer may move between down and up to be a click
const REACH = { touch: 24, mouse: 12 }; // pixels within which a click finds a sample
const STEP = 0.1; // of an arrow key; with Shift five times as much
const NEARER = 2; // times, by a button or a key
const WHEEL = 200; // pixels of the wheel to look from e times nearer
const ARROWS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOMS = { "+": NEARER, "=": NEARER, "-": 1 / NEARER };

export class Scatter {
  #canvas;
  #marks;
  #zooms; // the buttons, nearer and further
  #handlers;
  #model = null;
  #axes = [0, 1]; // units across and up
  #view = null;
  #muted = new Set(); // classes
  #z = [];
  #chosen = []; // latent means
  #pointers = new Map(); // that are down, by their id: where, as shares of the canvas
  #press = null; // where a single pointer went down, and whether it has moved since

  /**
   * `onMove([across, up], isSettled)` is called when the point is moved, with whether it stays for now;
   * `onPick(sample)` when a sample is clicked.
   */
  constructor(canvas, marks, zooms, handlers) {
    this.#canvas = canvas;
    this.#marks = marks;
    this.#zooms = zooms;
    this.#handlers = handlers;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#drag(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#release(event));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    zooms[0].addEventListener("click", () => this.#zoom(NEARER));
    zooms[1].addEventListener("click", () => this.#zoom(1 / NEARER));
    new ResizeObserver(() => this.#draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#draw());
  }

  /** Show the whole plane of two units. */
  show(model, axes) {
    this.#model = model;
    this.#axes = axes;
    this.#view = new View(model.limit);
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
    this.#chosen = chosen;
    const { center } = this.#view;
    this.#view.follow(this.#placeOf(z));
    if (center === this.#view.center) this.#placeMarks();
    else this.#draw();
  }

  #placeOf(z) {
    return this.#axes.map((unit) => z[unit]);
  }

  #placeMarks() {
    const [across, up, path, ...circles] = this.#marks.children;
    const percent = (z) => this.#view.shareOf(this.#placeOf(z)).map((share) => `${100 * share}%`);
    const [x, y] = percent(this.#z);
    set(across, { y1: y, y2: y });
    set(up, { x1: x, x2: x });
    set(circles.at(-1), { cx: x, cy: y });
    const places = this.#chosen.map(percent);
    circles.slice(0, 2).forEach((circle, i) => {
      circle.toggleAttribute("hidden", !places[i]);
      if (places[i]) set(circle, { cx: places[i][0], cy: places[i][1] });
    });
    path.toggleAttribute("hidden", places.length < 2);
    if (places.length === 2) set(path, { x1: places[0][0], y1: places[0][1], x2: places[1][0], y2: places[1][1] });
  }

  #draw() {
    if (!this.#model || !this.#canvas.clientWidth) return;
    draw(this.#canvas, { model: this.#model, axes: this.#axes, muted: this.#muted, view: this.#view });
    this.#zooms[0].disabled = this.#view.isClosest;
    this.#zooms[1].disabled = this.#view.isWhole;
    if (this.#z.length === this.#model.n_components) this.#placeMarks();
  }

  // --- moving the point, and choosing samples ---

  #down(event) {
    if (event.button !== 0) return;
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#sharesOf(event));
    this.#press = null;
    if (this.#pointers.size > 1) return;
    this.#press = { x: event.clientX, y: event.clientY, moved: false };
    this.#handlers.onMove(this.#pointedAt(event), false);
  }

  #drag(event) {
    if (!this.#pointers.has(event.pointerId)) return;
    const before = [...this.#pointers.values()];
    this.#pointers.set(event.pointerId, this.#sharesOf(event));
    if (before.length === 2) this.#pinch(before, [...this.#pointers.values()]);
    const press = this.#press;
    if (!press) return;
    press.moved ||= Math.hypot(event.clientX - press.x, event.clientY - press.y) > CLICK;
    if (press.moved) this.#handlers.onMove(this.#pointedAt(event), false);
  }

  #up(event) {
    const press = this.#press;
    this.#release(event);
    if (!press) return;
    if (press.moved) this.#handlers.onMove(this.#pointedAt(event), true);
    else this.#pick(this.#pointedAt(event), event.pointerType === "touch" ? REACH.touch : REACH.mouse);
  }

  #release(event) {
    this.#pointers.delete(event.pointerId);
    this.#press = null;
  }

  #sharesOf({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [clamp((clientX - left) / width, 0, 1), clamp((clientY - top) / height, 0, 1)];
  }

  #pointedAt(event) {
    return this.#view.placeAt(this.#sharesOf(event));
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = this.#placeOf(this.#z);
    if (event.key === "Enter") this.#pick(here, Infinity);
    else if (event.key in ARROWS) this.#step(here, ARROWS[event.key], event.shiftKey ? 5 * STEP : STEP);
    else if (event.key in ZOOMS) this.#zoom(ZOOMS[event.key]);
    else return;
    event.preventDefault();
  }

  #step(here, directions, step) {
    const { limit } = this.#model;
    this.#handlers.onMove(here.map((value, i) => clamp(value + directions[i] * step, -limit, limit)), true);
  }

  #pick(place, reach) {
    const sample = this.#nearest(place, reach);
    if (sample !== null) this.#handlers.onPick(sample);
  }

  /** The sample nearest to a place, if it is within so many pixels. */
  #nearest([across, up], reach) {
    const { samples } = this.#model;
    let [found, least] = [null, (reach * 2 * this.#view.half) / this.#canvas.clientWidth];
    for (let i = 0; i < samples.n_samples; i += 1) {
      const place = this.#placeOf(this.#model.meanOf(i));
      const distance = Math.hypot(place[0] - across, place[1] - up);
      if (distance < least && !this.#muted.has(samples.labels?.[i])) [found, least] = [i, distance];
    }
    return found;
  }

  // --- looking from nearer ---

  /** Zoom; the point, or a place that is pointed at, stays where it is seen. */
  #zoom(factor, shares = this.#view.shareOf(this.#placeOf(this.#z))) {
    this.#view.zoom(factor, shares);
    this.#draw();
  }

  // With Ctrl, as browsers send the pinch on a touchpad; without, the wheel scrolls the page.
  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#zoom(Math.exp(-event.deltaY / WHEEL), this.#sharesOf(event));
  }

  #pinch(before, after) {
    const place = this.#view.placeAt(midst(before));
    this.#view.zoom(distance(after) / Math.max(distance(before), 1e-3), midst(before));
    this.#view.bring(place, midst(after));
    this.#draw();
  }
}

const midst = ([a, b]) => a.map((share, k) => (share + b[k]) / 2);

const distance = ([a, b]) => Math.hypot(a[0] - b[0], a[1] - b[1]);

function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
}
