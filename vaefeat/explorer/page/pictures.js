// A row as a picture: an image where its shape is known, else a bar for each feature.

const BARS = { width: 4, gap: 1, height: 120 };

/** What was decoded, as a picture, beside that of the chosen sample. */
export class Pictures {
  #decoded;
  #sample;
  #chosen;
  #shape = null;

  constructor(section) {
    this.#decoded = section.querySelector("#picture");
    this.#sample = section.querySelector("#sample");
    this.#chosen = section.querySelector("#chosen");
  }

  show({ samples }) {
    this.#shape = samples.image_shape;
  }

  /** Show decoded features, as shares of their range. */
  decoded(shares) {
    paint(this.#decoded, shares, this.#shape);
  }

  /** Show a sample, as shares of its features' range, or none. */
  sample(shares) {
    this.#chosen.classList.toggle("filled", shares !== null);
    if (shares) paint(this.#sample, shares, this.#shape);
  }
}

/** Draw shares of the features' ranges, 0 to 1, on a canvas; `shape` is rows, columns and channels, or null. */
export function paint(canvas, shares, shape) {
  if (shape) paintImage(canvas, shares, shape);
  else paintBars(canvas, shares);
}

function paintImage(canvas, shares, [rows, columns, channels = 1]) {
  resize(canvas, columns, rows);
  const image = new ImageData(columns, rows);
  for (let i = 0; i < rows * columns; i++) {
    const pixel = Array.from(shares.subarray(i * channels, (i + 1) * channels), (share) => Math.round(255 * share));
    const [red, green = red, blue = red] = pixel; // in gray, one for all
    image.data.set([red, green, blue, 255], 4 * i); // clamped to a byte: beyond the range is black or white
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function paintBars(canvas, shares) {
  const { width, gap, height } = BARS;
  resize(canvas, shares.length * width, height);
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, height);
  context.fillStyle = getComputedStyle(canvas).color;
  shares.forEach((share, i) => {
    const top = height * (1 - Math.min(1, Math.max(0, share)));
    context.fillRect(i * width, top, width - gap, height - top);
  });
}

function resize(canvas, width, height) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
}
