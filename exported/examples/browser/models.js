// Loads ONNX Runtime Web and the exported Pipelines, and runs them. All files come from the server of the page.

const RUNTIME = new URL("../node_modules/onnxruntime-web/dist/", import.meta.url);
const EXPORTED = new URL("../../", import.meta.url);

/** Something that a person can put right; its message says how. */
export class LoadError extends Error {}

export async function loadRuntime() {
  let ort;
  try {
    ort = await import(new URL("ort.wasm.min.mjs", RUNTIME).href);
  } catch (cause) {
    throw new LoadError(
      "ONNX Runtime Web is not installed. Run “npm ci” in the folder exported/examples, then reload this page.",
      { cause },
    );
  }
  ort.env.wasm.wasmPaths = RUNTIME.href;
  ort.env.wasm.numThreads = 1; // models this small gain nothing from threads, which need special headers
  return ort;
}

/** Load the Pipeline in a folder of exported/. */
export async function loadModel(ort, folder) {
  const card = JSON.parse(new TextDecoder().decode(await fetchFile(folder, "model.json")));
  const content = await fetchFile(folder, "model.onnx");
  if (content.byteLength !== card.file.bytes) {
    throw new LoadError(`exported/${folder}/model.onnx is not the file that its card, model.json, describes.`);
  }
  try {
    return new Model(ort, card, await ort.InferenceSession.create(content, { executionProviders: ["wasm"] }));
  } catch (cause) {
    throw new LoadError(`ONNX Runtime Web could not start exported/${folder}/model.onnx: ${cause.message}`, { cause });
  }
}

async function fetchFile(folder, name) {
  const what = `exported/${folder}/${name}`;
  const response = await fetch(new URL(`${folder}/${name}`, EXPORTED)).catch((cause) => {
    throw new LoadError(`${what} could not be fetched: the server of this page does not answer.`, { cause });
  });
  if (!response.ok) {
    throw new LoadError(
      `${what} is missing (the server answered ${response.status}). Serve the folder exported/ as a whole.`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

class Model {
  #ort;
  #session;

  constructor(ort, card, session) {
    this.#ort = ort;
    this.#session = session;
    this.card = card; // the content of model.json: description, classes, metrics, ...
  }

  /**
   * Run rows of pixels, one after the other in one Float32Array.
   * Returns a list of objects, one per row: label, probabilities and, if the model has them, z_mean.
   */
  async run(pixels) {
    const width = this.card.inputs.n_features;
    const rows = new this.#ort.Tensor("float32", pixels, [pixels.length / width, width]);
    const outputs = await this.#session.run({ [this.card.inputs.name]: rows });
    return Array.from({ length: rows.dims[0] }, (_, i) =>
      Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, valueOf(tensor, i)])),
    );
  }
}

// The part of an output that belongs to row i: a number or a list of numbers.
function valueOf({ data, dims }, i) {
  if (dims.length === 1) return Number(data[i]); // int64 comes as BigInt
  return Array.from(data.subarray(i * dims[1], (i + 1) * dims[1]));
}
