// From a drawing to the input of the models: 28 × 28 pixels in [0, 1], row by row, white on black, laid out as in
// MNIST. Pure functions without page or canvas, with the same result in every browser.

export const SIDE = 28;
const BOX = 20; // MNIST fits every digit into a box of 20 × 20 pixels ...
const CENTER = SIDE / 2; // ... and puts its center of mass on the pixel with index 14
const PEN = 2.6; // width of a line in pixels: the average in MNIST
const SOFT = 1.5; // width of the ramp from white to black at the edge of a line: MNIST's edges are soft
const SMALLEST = 0.06; // of the pad: anything smaller is a dot and is not enlarged

/** Pixels of an image stored as whole numbers, 0 to 255. */
export function fromBytes(bytes) {
  return Float32Array.from(bytes, (value) => value / 255);
}

/** Pixels of a drawing: a list of strokes, each a list of [x, y] in the unit square. */
export function fromStrokes(strokes) {
  const fitted = fitInBox(strokes);
  const [x, y] = centerOfMass(rasterize(fitted));
  const centered = translate(fitted, CENTER - x, CENTER - y);
  // In whole 255ths, as MNIST is: the gray levels shown are exactly what the models read.
  return rasterize(centered).map((value) => Math.round(value * 255) / 255);
}

function fitInBox(strokes) {
  const xs = strokes.flat().map(([x]) => x);
  const ys = strokes.flat().map(([, y]) => y);
  const [left, right] = [Math.min(...xs), Math.max(...xs)];
  const [top, bottom] = [Math.min(...ys), Math.max(...ys)];
  const scale = (BOX - PEN) / Math.max(right - left, bottom - top, SMALLEST);
  const place = ([x, y]) => [
    (x - (left + right) / 2) * scale + CENTER,
    (y - (top + bottom) / 2) * scale + CENTER,
  ];
  return strokes.map((stroke) => stroke.map(place));
}

function translate(strokes, dx, dy) {
  return strokes.map((stroke) => stroke.map(([x, y]) => [x + dx, y + dy]));
}

// The brightness of a pixel depends on its distance to the nearest line: white on the line, black beyond its soft edge.
function rasterize(strokes) {
  const pixels = new Float32Array(SIDE * SIDE);
  const reach = (PEN + SOFT) / 2;
  for (const [a, b] of strokes.flatMap(segments)) {
    const [left, right] = span(a[0], b[0], reach);
    const [top, bottom] = span(a[1], b[1], reach);
    for (let y = top; y <= bottom; y += 1) {
      for (let x = left; x <= right; x += 1) {
        const ink = Math.min(1, (reach - distance(x, y, a, b)) / SOFT);
        pixels[y * SIDE + x] = Math.max(pixels[y * SIDE + x], ink);
      }
    }
  }
  return pixels;
}

function segments(stroke) {
  return stroke.map((point, i) => [stroke[Math.max(0, i - 1)], point]); // a single point is a segment of no length
}

function span(a, b, reach) {
  return [Math.max(0, Math.floor(Math.min(a, b) - reach)), Math.min(SIDE - 1, Math.ceil(Math.max(a, b) + reach))];
}

function distance(x, y, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

function centerOfMass(pixels) {
  let [mass, x, y] = [0, 0, 0];
  pixels.forEach((value, i) => {
    mass += value;
    x += value * (i % SIDE);
    y += value * Math.floor(i / SIDE);
  });
  return [x / mass, y / mass];
}

/** Paint pixels on a canvas, one canvas pixel each. */
export function paint(canvas, pixels) {
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext("2d");
  const image = context.createImageData(SIDE, SIDE);
  pixels.forEach((value, i) => {
    const gray = Math.round(value * 255);
    image.data.set([gray, gray, gray, 255], 4 * i);
  });
  context.putImageData(image, 0, 0);
}
