// The drawing pad: a canvas that takes strokes from mouse, pen or finger, or shows an image.

const PEN = 0.075; // relative to the width of the pad; matches MNIST if a digit fills two thirds of the pad

export class Pad {
  #canvas;
  #context;
  #strokes = []; // lists of [x, y] in the unit square, so that the pad may change its size
  #image = null; // a canvas
  #pointer = null; // the one that draws; further fingers are ignored

  /** `onDraw(strokes, finished)` is called whenever the drawing has grown. */
  constructor(canvas, onDraw) {
    this.#canvas = canvas;
    this.#context = canvas.getContext("2d");
    canvas.addEventListener("pointerdown", (event) => {
      if (this.#pointer !== null || event.button !== 0) return;
      this.#pointer = event.pointerId;
      canvas.setPointerCapture(event.pointerId); // a stroke continues beyond the edge
      if (this.#image) this.clear();
      this.#strokes.push([]);
      this.#extend(event);
      onDraw(this.#strokes, false);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.#pointer) return;
      this.#extend(event);
      onDraw(this.#strokes, false);
    });
    const finish = (event) => {
      if (event.pointerId !== this.#pointer) return;
      this.#pointer = null;
      if (this.#strokes.length) onDraw(this.#strokes, true); // nothing to show if the pad was cleared during the stroke
    };
    canvas.addEventListener("pointerup", finish);
    canvas.addEventListener("pointercancel", finish);
    new ResizeObserver(() => this.#redraw()).observe(canvas);
  }

  clear() {
    this.#strokes = [];
    this.#image = null;
    this.#redraw();
  }

  showImage(image) {
    this.#strokes = [];
    this.#image = image;
    this.#redraw();
  }

  #extend(event) {
    if (!this.#strokes.length) this.#strokes.push([]);
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    // All the places the pointer went since the last frame, not only the last one: fast lines stay smooth.
    const events = event.getCoalescedEvents?.() ?? [];
    for (const { clientX, clientY } of events.length ? events : [event]) {
      this.#strokes.at(-1).push([(clientX - left) / width, (clientY - top) / height]);
    }
    this.#redraw();
  }

  #redraw() {
    const side = Math.round(this.#canvas.clientWidth * devicePixelRatio);
    if (this.#canvas.width !== side) this.#canvas.width = this.#canvas.height = side;
    const context = this.#context;
    context.clearRect(0, 0, side, side);
    if (this.#image) {
      context.imageSmoothingQuality = "high";
      context.drawImage(this.#image, 0, 0, side, side);
    }
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = PEN * side;
    context.strokeStyle = "#fff";
    for (const [first, ...rest] of this.#strokes) {
      context.beginPath();
      context.moveTo(first[0] * side, first[1] * side);
      for (const [x, y] of rest.length ? rest : [first]) context.lineTo(x * side, y * side);
      context.stroke();
    }
  }
}
