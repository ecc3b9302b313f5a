// The row that was typed: its numbers, and what is wrong with them.

const GAP = /^(nan|null)$/i;

/** The words of a text, separated by spaces, commas or semicolons. */
export const wordsOf = (text) => text.match(/[^\s,;[\]]+/g) ?? [];

/** One sentence about the first word that a model cannot take, and where it is; null if it can take all. */
export function faultOf(words, length) {
  const at = words.findIndex((word) => Number.isNaN(Number(word)) && !GAP.test(word));
  if (at >= 0) return `Value ${at + 1} is "${words[at]}", expected a number.`;
  if (length > 0 && words.length !== length) return `Got ${words.length} values, expected ${length}.`;
  return null;
}

/** One sentence about the first value outside the range of the training data; "" if there is none. */
export function warningOf(values, range) {
  if (!range) return "";
  const at = values.findIndex((value) => value < range[0] || value > range[1]);
  if (at < 0) return "";
  return `Value ${at + 1} is ${values[at]}, outside ${range[0]} to ${range[1]}: the model was not trained on such values.`;
}
