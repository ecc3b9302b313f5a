// Decodes the last requested z, at most once per frame; requests in between are skipped.

export class Decoding {
  #onDecoded;
  #onError;
  #wanted = null; // { model, z, asked }: the last request, and when the first unanswered one was made
  #isRunning = false;

  /** `onDecoded(features, request)` draws what a model makes of `request.z`. */
  constructor(onDecoded, onError) {
    this.#onDecoded = onDecoded;
    this.#onError = onError;
  }

  request(model, z) {
    this.#wanted = { model, z, asked: this.#wanted?.asked ?? performance.now() };
    if (!this.#isRunning) this.#start();
  }

  #start() {
    this.#isRunning = true;
    requestAnimationFrame(() => this.#run());
  }

  async #run() {
    const request = this.#wanted;
    this.#wanted = null;
    try {
      this.#onDecoded(await request.model.decode(request.z), request);
    } catch (error) {
      this.#onError(error);
    }
    this.#isRunning = false;
    if (this.#wanted) this.#start();
  }
}
