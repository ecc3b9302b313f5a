// The straight line between the latent means of the last two samples that were chosen.

import { paint } from "./pictures.js";

export class Walk {
  #slider;
  #ends;

  /** `onWalk(share)` is called with the share of the way that has been gone, 0 to 1. */
  constructor(slider, onWalk) {
    this.#slider = slider;
    this.#ends = slider.parentElement.querySelectorAll("canvas");
    slider.addEventListener("input", () => onWalk(slider.valueAsNumber));
  }

  show(model, chosen) {
    this.#slider.disabled = chosen.length < 2;
    this.#slider.value = 1; // where the sample stands that was chosen last
    this.#ends.forEach((canvas, i) => {
      const sample = chosen[i];
      canvas.classList.toggle("empty", sample === undefined);
      if (sample !== undefined) paint(canvas, model.sharesOf(sample), model.samples.image_shape);
    });
  }
}
