// One slider a latent unit: those that are active by their KL, the silent ones folded away.

const STEP = 0.05;

/** What a unit is called, by its column among the latent means: z0, z1, ... */
export const nameOf = (unit) => `z${unit}`;

export const signed = (value) => value.toFixed(2).replace("-", "−").replace(/^−(0\.00)$/, "$1");

export class Units {
  #active;
  #silent;
  #onInput;
  #rows = [];

  /** `silent` is a details element; `onInput(unit, value)` is called when a slider is moved. */
  constructor(active, silent, onInput) {
    this.#active = active;
    this.#silent = silent;
    this.#onInput = onInput;
  }

  show(model) {
    const strongest = Math.max(...model.kl_per_unit);
    this.#rows = model.units.map((unit) => this.#row(model, unit, strongest));
    const n_active = Math.max(2, model.n_active); // at least what the plane shows
    const elements = this.#rows.map(({ element }) => element);
    this.#active.replaceChildren(...elements.slice(0, n_active));
    const silent = elements.slice(n_active);
    this.#silent.hidden = !silent.length;
    this.#silent.open = false;
    this.#silent.querySelector("summary").textContent = `${silent.length} silent unit${silent.length > 1 ? "s" : ""}`;
    this.#silent.querySelector("div").replaceChildren(...silent);
  }

  place(z) {
    for (const { unit, slider, value } of this.#rows) {
      slider.value = z[unit];
      value.textContent = signed(z[unit]);
    }
  }

  #row({ limit, kl_per_unit }, unit, strongest) {
    const slider = made("input", { type: "range", id: `unit-${unit}`, min: -limit, max: limit, step: STEP });
    slider.addEventListener("input", () => this.#onInput(unit, slider.valueAsNumber));
    const label = made("label", { htmlFor: slider.id, textContent: nameOf(unit) });
    const value = made("output", {});
    const kl = made("span", { className: "kl", textContent: `${kl_per_unit[unit].toFixed(2)} nats` });
    kl.title = "Mean KL divergence from the prior";
    kl.style.setProperty("--share", kl_per_unit[unit] / strongest);
    const element = made("div", { className: "unit" });
    element.append(label, slider, value, kl);
    return { unit, slider, value, element };
  }
}

function made(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}
