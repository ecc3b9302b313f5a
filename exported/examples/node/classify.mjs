// Classify rows with an exported Pipeline: onnxruntime-node, nothing more.
//
//     node classify.mjs MODEL.onnx ROWS
//
// ROWS is a .npy file of shape (n, features), or a .json file like samples.json. Whole numbers are pixels, 0 to
// 255, and are divided by 255. Prints one JSON object a row, in the order of the rows.

import { readFile } from "node:fs/promises";
import ort from "onnxruntime-node";

// What a .npy file may hold, by NumPy's name: the array to read it with, and what its numbers are divided by.
const DTYPES = {
  "<f4": [Float32Array, 1],
  "<f8": [Float64Array, 1],
  "|u1": [Uint8Array, 255],
  "<i8": [BigInt64Array, 255],
};

function parseNpy(buffer, path) {
  if (buffer.toString("latin1", 0, 6) !== "\x93NUMPY") fail(`${path} is no .npy file.`);
  const start = buffer[6] === 1 ? 10 : 12; // version 1 counts the header in two bytes, later ones in four
  const end = start + (start === 10 ? buffer.readUInt16LE(8) : buffer.readUInt32LE(8));
  const header = buffer.toString("latin1", start, end);
  const dtype = /'descr': '([^']*)'/.exec(header)?.[1];
  if (!DTYPES[dtype]) fail(`${path} holds ${dtype ?? "records"}; save float32 or uint8 instead.`);
  if (header.includes("'fortran_order': True")) fail(`${path} is stored by columns; save it by rows.`);
  const [ArrayType, divisor] = DTYPES[dtype];
  const bytes = new Uint8Array(buffer.subarray(end)); // copied: typed arrays must start at a multiple of their size
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].match(/\d+/g)?.map(Number) ?? [];
  return { shape, data: Float32Array.from(new ArrayType(bytes.buffer), (value) => Number(value) / divisor) };
}

function parseSamples(buffer) {
  const rows = JSON.parse(buffer).map((sample) => sample.pixels);
  return { shape: [rows.length, rows[0]?.length ?? 0], data: Float32Array.from(rows.flat(), (p) => p / 255) };
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

// The part of an output that belongs to row i: a number, or a list of them.
function valueOf({ data, dims }, i) {
  if (dims.length === 1) return Number(data[i]); // int64 comes as BigInt
  return Array.from(data.subarray(i * dims[1], (i + 1) * dims[1]), (value) => Math.round(value * 1e6) / 1e6);
}

const [modelPath, rowsPath] = process.argv.slice(2);
if (process.argv.length !== 4) fail("Usage: node classify.mjs MODEL.onnx ROWS.npy (or samples.json)");
const session = await ort.InferenceSession.create(modelPath);
const content = await readFile(rowsPath);
const { shape, data } = rowsPath.endsWith(".npy") ? parseNpy(content, rowsPath) : parseSamples(content);
const width = session.inputMetadata[0].shape[1];
if (shape.length !== 2 || shape[1] !== width) {
  fail(`${modelPath} reads rows of ${width} numbers, ${rowsPath} has the shape (${shape.join(", ")}).`);
}
const outputs = await session.run({ [session.inputNames[0]]: new ort.Tensor("float32", data, shape) });
for (let i = 0; i < shape[0]; i += 1) {
  const row = session.outputNames.map((name) => [name, valueOf(outputs[name], i)]);
  console.log(JSON.stringify(Object.fromEntries(row)));
}
