// The colors of classes and of time: custom properties of the style sheet, for light and dark mode.

const N_CLASS_COLORS = 10; // repeated for more classes; their names in the plane tell them apart
const N_TIME_COLORS = 4;

/** The custom property that holds the color of a class. */
export const classColor = (label) => `--class-${label % N_CLASS_COLORS}`;

/** The color of each sample as a canvas takes it, read from the style of an element. */
export function colorsOf({ classes, labels, n_samples, is_ordered }, element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  if (classes) {
    const colors = classes.map((_, label) => read(classColor(label)));
    return labels.map((label) => colors[label]);
  }
  if (!is_ordered) return Array(n_samples).fill(read(classColor(0)));
  const stops = Array.from({ length: N_TIME_COLORS }, (_, i) => channels(read(`--time-${i}`)));
  return Array.from({ length: n_samples }, (_, i) => between(stops, i / Math.max(1, n_samples - 1)));
}

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function between(stops, share) {
  const place = share * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[k].map((value, i) => value + (place - k) * (stops[k + 1][i] - value));
  return `rgb(${mixed.map(Math.round).join(" ")})`;
}
