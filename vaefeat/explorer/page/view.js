// The part of the latent plane that is in view: a square, at first as wide as the whole plane.

const CLOSEST = 32; // times nearer than the whole plane

export class View {
  #limit;

  /** The whole of a plane whose axes end at -limit and limit. */
  constructor(limit) {
    this.#limit = limit;
    this.half = limit; // of the width
    this.center = [0, 0]; // across and up
  }

  get isWhole() {
    return this.half === this.#limit;
  }

  get isClosest() {
    return this.half === this.#limit / CLOSEST;
  }

  /** Where a place of the plane is seen: shares of the width from the left, and of the height from the top. */
  shareOf([across, up]) {
    const { half, center } = this;
    return [(across - center[0] + half) / (2 * half), (center[1] - up + half) / (2 * half)];
  }

  /** The place of the plane that is seen there. */
  placeAt([x, y]) {
    const { half, center } = this;
    return [center[0] + (2 * x - 1) * half, center[1] - (2 * y - 1) * half];
  }

  /** Look from so many times nearer; the place that is seen at these shares stays there. */
  zoom(factor, shares) {
    const place = this.placeAt(shares);
    this.half = clamp(this.half / factor, this.#limit / CLOSEST, this.#limit);
    this.bring(place, shares);
  }

  /** Move so that a place is seen at these shares, or as near to them as the end of the plane allows. */
  bring(place, [x, y]) {
    const room = this.#limit - this.half;
    const center = [place[0] - (2 * x - 1) * this.half, place[1] + (2 * y - 1) * this.half];
    this.center = center.map((value) => clamp(value, -room, room));
  }

  /** Move no further than it takes to see a place. */
  follow(place) {
    const shares = this.shareOf(place);
    const seen = shares.map((share) => clamp(share, 0, 1));
    if (seen.some((share, k) => share !== shares[k])) this.bring(place, seen);
  }
}

export const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
