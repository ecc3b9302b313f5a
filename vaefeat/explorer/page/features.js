// A row of a table: a line for each feature, with its range, what was decoded, and the chosen sample's value.

export class Features {
  #section;
  #rows = []; // of the table, one for each feature
  #samples = null;

  constructor(section) {
    this.#section = section;
  }

  show({ samples, feature_names }) {
    this.#samples = samples;
    this.#rows = feature_names.map((name, feature) => this.#row(name, feature));
    this.#section.querySelector("tbody").replaceChildren(...this.#rows.map(({ element }) => element));
  }

  /** Show decoded features, as shares of their ranges. */
  decoded(shares) {
    this.#fill("decoded", shares);
  }

  /** Show a sample, as shares of the features' ranges, or none. */
  sample(shares) {
    this.#section.classList.toggle("filled", shares !== null);
    this.#fill("sample", shares);
  }

  #fill(what, shares) {
    this.#rows.forEach((row, feature) => {
      row[what].textContent = shares ? written(this.#valueOf(shares[feature], feature)) : "";
      row.range.style.setProperty(`--${what}`, shares ? Math.min(1, Math.max(0, shares[feature])) : 0);
    });
  }

  #valueOf(share, feature) {
    const { low, high } = this.#samples;
    return low[feature] + share * (high[feature] - low[feature]);
  }

  #row(name, feature) {
    const range = made("div", "range");
    range.append(...[0, 1].map((share) => made("span", "", written(this.#valueOf(share, feature)))));
    const element = made("tr", "");
    const head = Object.assign(made("th", "", name), { scope: "row", title: name });
    const [ranges, decoded, sample] = ["", "value", "value"].map((kind) => made("td", kind));
    ranges.append(range);
    element.append(head, ranges, decoded, sample);
    return { element, range, decoded, sample };
  }
}

const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, useGrouping: false });
const SHORT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, notation: "compact" });

/** A value to three digits: 0.0123, −4.56, 12.3K. */
const written = (value) => (Math.abs(value) < 1e4 ? PLAIN : SHORT).format(value).replace("-", "−").replace(/^−0$/, "0");

function made(tag, className, textContent = "") {
  return Object.assign(document.createElement(tag), { className, textContent });
}
