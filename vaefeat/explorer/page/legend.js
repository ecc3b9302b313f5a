// The legend: a button per class, which mutes it, or a time scale.

import { classColor } from "./colors.js";

export class Legend {
  #group;
  #onMute;

  /** `onMute(muted)` is called with the set of classes that are muted. */
  constructor(group, onMute) {
    this.#group = group;
    this.#onMute = onMute;
  }

  /** Show the classes of samples, none of them muted. */
  show({ classes, is_ordered }) {
    const muted = new Set();
    this.#onMute(muted);
    this.#group.hidden = !classes && !is_ordered;
    this.#group.classList.toggle("time", is_ordered);
    if (is_ordered) this.#group.replaceChildren("first frame", document.createElement("span"), "last frame");
    else this.#group.replaceChildren(...this.#buttons(classes ?? [], muted));
  }

  #buttons(classes, muted) {
    return classes.map((name, label) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
      button.style.setProperty("--color", `var(${classColor(label)})`);
      button.ariaPressed = "true";
      button.addEventListener("click", () => {
        if (!muted.delete(label)) muted.add(label);
        button.ariaPressed = String(!muted.has(label));
        this.#onMute(muted);
      });
      return button;
    });
  }
}
