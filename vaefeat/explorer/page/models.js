// Loads the files that `vaefeat explore` wrote beside this page: index, decoders and latent means.

const RUNTIME = new URL("onnxruntime-web/", import.meta.url);

/** An error that the user can fix; the message says how. */
export class LoadError extends Error {}

/** The index: `models` by name, each with the `samples` that are shown behind it. */
export async function loadIndex() {
  const { models, data } = JSON.parse(new TextDecoder().decode(await fetchFile("explorer.json")));
  return new Map(models.map((model) => [model.name, { ...model, samples: data[model.data] }]));
}

export async function loadRuntime() {
  let ort;
  try {
    ort = await import(new URL("ort.wasm.min.mjs", RUNTIME).href);
  } catch (cause) {
    throw new LoadError("onnxruntime-web/ort.wasm.min.mjs is missing. Run vaefeat explore again.", { cause });
  }
  ort.env.wasm.wasmPaths = RUNTIME.href;
  ort.env.wasm.numThreads = 1; // models this small gain nothing from threads, which need special headers
  return ort;
}

/** Load the decoder and the data of an entry of the index. */
export async function loadModel(ort, entry) {
  const folder = `models/${encodeURIComponent(entry.name)}`;
  const [decoder, means, bytes] = await Promise.all([
    fetchFile(`${folder}/decoder.onnx`),
    fetchFile(`${folder}/z_mean.f32`),
    fetchFile(entry.data),
  ]);
  try {
    const session = await ort.InferenceSession.create(decoder, { executionProviders: ["wasm"] });
    const model = new Model(ort, session, entry, new Float32Array(means.buffer), bytes);
    await model.decode(new Float32Array(model.n_components)); // the first one takes longer
    return model;
  } catch (cause) {
    throw new LoadError(`ONNX Runtime Web could not start ${folder}/decoder.onnx: ${cause.message}`, { cause });
  }
}

async function fetchFile(path) {
  const token = sessionStorage.getItem("token"); // given to the first page of a service that asks for one
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(new URL(path, import.meta.url), { headers }).catch((cause) => {
    throw new LoadError(`${path} could not be fetched: the server of this page does not answer.`, { cause });
  });
  if (response.status === 401) {
    throw new LoadError("This service asks for a token: give it on its first page, and come back in the same tab.");
  }
  if (!response.ok) {
    throw new LoadError(`${path} is missing (the server answered ${response.status}). Run vaefeat explore again.`);
  }
  return new Uint8Array(await response.arrayBuffer());
}

class Model {
  #ort;
  #session;
  #means;
  #bytes;

  constructor(ort, session, entry, means, bytes) {
    this.#ort = ort;
    this.#session = session;
    this.#means = means;
    this.#bytes = bytes;
    Object.assign(this, entry); // name, description, n_components, units, n_active, kl_per_unit, samples
    const furthest = means.reduce((most, value) => Math.max(most, Math.abs(value)), 3);
    this.limit = Math.ceil(2 * furthest) / 2; // of every axis and slider; nearly all of the prior lies within 3
  }

  /** Decode rows of z, one after the other in one Float32Array; return their features likewise. */
  async decode(z) {
    const rows = new this.#ort.Tensor("float32", z, [z.length / this.n_components, this.n_components]);
    const { x_mean } = await this.#session.run({ [this.input]: rows }, ["x_mean"]);
    return x_mean.data;
  }

  /** The latent mean of a sample. */
  meanOf(sample) {
    return this.#means.slice(sample * this.n_components, (sample + 1) * this.n_components);
  }

  /** The features of a sample, each as a share of its range. */
  sharesOf(sample) {
    const { n_features } = this.samples;
    const bytes = this.#bytes.subarray(sample * n_features, (sample + 1) * n_features);
    return Float32Array.from(bytes, (value) => value / 255);
  }

  /** Decoded features as shares of their ranges. */
  toShares(features) {
    const { low, high } = this.samples; // one for all pixels, or one for each feature
    return features.map((value, i) => {
      const k = low.length === 1 ? 0 : i;
      return (value - low[k]) / (high[k] - low[k] || 1);
    });
  }
}
