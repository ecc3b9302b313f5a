// The test images: a group of radio buttons in a grid with one column per digit and arrow-key navigation.

import { fromBytes, paint } from "./digit.js";

const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

export class Picker {
  #images;
  #chosen = null;
  #onPick;
  #rows;

  /** `samples` come digit by digit; `onPick(sample, canvas)` is called when one is chosen. */
  constructor(group, samples, onPick) {
    this.#onPick = onPick;
    this.#rows = samples.filter((sample) => sample.label === samples[0].label).length;
    group.style.setProperty("--rows", this.#rows);
    this.#images = samples.map((sample, i) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("role", "radio");
      button.setAttribute("aria-checked", "false");
      button.setAttribute("aria-label", `Test image ${i + 1}, a ${sample.label}`);
      button.tabIndex = i === 0 ? 0 : -1; // one stop for the tab key; the arrows do the rest
      const canvas = document.createElement("canvas");
      paint(canvas, fromBytes(sample.pixels));
      button.append(canvas);
      button.addEventListener("click", () => this.#pick(i));
      return { button, sample, canvas };
    });
    group.replaceChildren(...this.#images.map(({ button }) => button));
  }

  /** Move as an arrow key says and choose what is there; return whether the key is one. */
  handleKey(key) {
    if (!(key in STEPS)) return false;
    const [right, down] = STEPS[key];
    const count = this.#images.length;
    const from = this.#chosen ?? (right + down > 0 ? -1 : count);
    // Down leads to the next image, right to the next column; from nowhere both lead to the first image.
    const step = this.#chosen === null ? right + down : right * this.#rows + down;
    this.#pick((from + step + count) % count);
    this.#images[this.#chosen].button.focus();
    return true;
  }

  clear() {
    if (this.#chosen !== null) this.#images[this.#chosen].button.setAttribute("aria-checked", "false");
    this.#chosen = null;
  }

  #pick(i) {
    this.clear();
    this.#chosen = i;
    this.#images.forEach(({ button }, k) => {
      button.setAttribute("aria-checked", String(k === i));
      button.tabIndex = k === i ? 0 : -1;
    });
    const { sample, canvas } = this.#images[i];
    this.#onPick(sample, canvas);
  }
}
