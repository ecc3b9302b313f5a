// The colours of classes and of time: custom properties of the style sheet, one set for light and one for dark.

const N_CLASS_COLOURS = 10; // beyond it they come again; the names in the plane tell the classes apart
const N_TIME_COLOURS = 4;

/** The custom property that holds the colour of a class. */
export const classColour = (label) => `--class-${label % N_CLASS_COLOURS}`;

/** The colour of each sample as a canvas takes it, read from the style of an element. */
export function coloursOf({ classes, labels, n_samples, is_ordered }, element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  if (classes) {
    const colours = classes.map((_, label) => read(classColour(label)));
    return labels.map((label) => colours[label]);
  }
  if (!is_ordered) return Array(n_samples).fill(read(classColour(0)));
  const stops = Array.from({ length: N_TIME_COLOURS }, (_, i) => channels(read(`--time-${i}`)));
  return Array.from({ length: n_samples }, (_, i) => between(stops, i / Math.max(1, n_samples - 1)));
}

const channels = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function between(stops, share) {
  const place = share * (stops.length - 1);
  const k = Math.min(Math.floor(place), stops.length - 2);
  const mixed = stops[k].map((value, i) => value + (place - k) * (stops[k + 1][i] - value));
  return `rgb(${mixed.map(Math.round).join(" ")})`;
}
