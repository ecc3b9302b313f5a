// Decodes rows of a decoder's inputs with ONNX Runtime for Node, and prints the features as JSON.
//
//     node decode.mjs DECODER.onnx "[NUMBERS, ROW BY ROW]"

import { createRequire } from "node:module";

// The packages are installed beside the examples, not beside the tests.
const require = createRequire(new URL("../../exported/examples/package.json", import.meta.url));
const ort = require("onnxruntime-node");

const [path, text] = process.argv.slice(2);
const rows = Float32Array.from(JSON.parse(text));
const session = await ort.InferenceSession.create(path);
const Z = new ort.Tensor("float32", rows, [20, rows.length / 20]);
const { x_mean } = await session.run({ Z }, ["x_mean"]);
console.log(JSON.stringify(Array.from(x_mean.data)));
