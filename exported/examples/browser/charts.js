// The charts: HTML elements, each sized by the style sheet from one number. No drawing library.

const percent = (share) => `${Math.round(100 * share)} %`;
const signed = (value) => value.toFixed(1).replace("-", "−").replace(/^−(0\.0)$/, "$1");

function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Two sets of probabilities, mirrored about the classes: a table, so that it can be read aloud by rows. */
export class ProbabilityChart {
  #rows;

  constructor(body, classes) {
    this.#rows = classes.map((name) => {
      const sides = ["raw", "vae"].map((side) => {
        const bar = element("span", "bar");
        const value = element("span", "value");
        return { bar, value, cell: element("td", side, element("div", "", bar, value)) };
      });
      const head = element("th", "", element("span", "", String(name)));
      head.scope = "row";
      return { name, sides, row: element("tr", "", sides[0].cell, head, sides[1].cell) };
    });
    body.replaceChildren(...this.#rows.map(({ row }) => row));
    this.clear();
  }

  /** `answers` are what the two models say; `truth` is the class of a test image, or null. */
  show(answers, truth) {
    this.#rows.forEach(({ name, sides, row }, i) => {
      row.classList.toggle("truth", name === truth);
      sides.forEach(({ bar, value, cell }, k) => {
        const { label, probabilities } = answers[k];
        bar.style.setProperty("--share", probabilities[i]);
        value.textContent = percent(probabilities[i]);
        cell.classList.toggle("top", name === label);
      });
    });
  }

  clear() {
    for (const { sides, row } of this.#rows) {
      row.classList.remove("truth");
      for (const { bar, value, cell } of sides) {
        bar.style.setProperty("--share", 0);
        value.textContent = "";
        cell.classList.remove("top");
      }
    }
  }
}

/** Numbers about zero, one column each: upwards if positive, downwards if negative. */
export class LatentChart {
  static LIMIT = 3; // standard deviations of the prior: nearly all means lie within
  static MOST_WITH_NUMBERS = 16; // columns that have room for a number below

  #list;
  #columns;

  constructor(list, count) {
    this.#list = list;
    this.#columns = Array.from({ length: count }, (_, i) => {
      const bar = element("span", "bar");
      const value = element("span", "value");
      const name = element("span", "name", `z${i + 1}`);
      return { bar, value, column: element("li", "", name, value, element("div", "", bar)) };
    });
    list.classList.toggle("many", count > LatentChart.MOST_WITH_NUMBERS);
    list.replaceChildren(...this.#columns.map(({ column }) => column));
    this.clear();
  }

  show(values) {
    const limit = Math.max(LatentChart.LIMIT, ...values.map(Math.abs));
    this.#list.style.setProperty("--limit", limit);
    this.#columns.forEach(({ bar, value, column }, i) => {
      bar.style.setProperty("--share", values[i] / limit);
      value.textContent = signed(values[i]);
      column.title = `z${i + 1}: ${signed(values[i])}`;
    });
  }

  clear() {
    for (const { bar, value, column } of this.#columns) {
      bar.style.setProperty("--share", 0);
      value.textContent = "";
      column.title = "";
    }
  }
}

/** A model's answer in large: the digit, how sure, and whether it is right where that is known. */
export class Answer {
  #parts;

  constructor(section, card) {
    const part = (name) => section.querySelector(`.${name}`);
    this.#parts = { digit: part("digit"), sure: part("sure") };
    part("accuracy").textContent = accuracyOf(card).short;
    this.clear();
  }

  show({ label, probabilities }, classes, truth) {
    this.#parts.digit.textContent = label;
    const verdict = truth === null ? "" : label === truth ? ", right" : ", wrong";
    this.#parts.sure.textContent = `${percent(probabilities[classes.indexOf(label)])} sure${verdict}`;
  }

  clear() {
    this.#parts.digit.textContent = "–";
    this.#parts.sure.textContent = "";
  }
}

/** The accuracy that a card states: in short, and on how many images it was measured. */
export function accuracyOf(card) {
  for (const [name, value] of Object.entries(card.metrics ?? {})) {
    const count = /^accuracy_on_(\d+)_test_images$/.exec(name)?.[1];
    if (count) return { short: `${(100 * value).toFixed(1)} % accuracy`, count: Number(count) };
  }
  return { short: "accuracy unknown", count: null };
}
