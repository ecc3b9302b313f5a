// Rates and quantiles of the last seconds, computed from counters and histograms.

const SECONDS = 20;
const LINE = /^(vaefeat_\w+)\{(.*)\} (\S+)$/;

export class Window {
  #looks = [];

  // Add the text of /metrics, read at a time in seconds.
  add(text, time) {
    this.#looks.push({ time, values: parse(text) });
    while (this.#looks.length > 2 && time - this.#looks[0].time > SECONDS) this.#looks.shift();
  }

  // Requests per second, median and 99th percentile of their time, and length of the queue, as text.
  of(model) {
    const [first, last] = [this.#looks[0], this.#looks.at(-1)];
    const change = (key) => (last.values.get(key) ?? 0) - (first.values.get(key) ?? 0);
    const buckets = [...last.values.keys()]
      .filter((key) => key.startsWith(`vaefeat_request_seconds_bucket|${model}|`))
      .map((key) => [Number(key.split("|")[2].replace("+Inf", "Infinity")), change(key)])
      .sort(([a], [b]) => a - b);
    const seconds = last.time - first.time;
    const rate = seconds ? change(`vaefeat_request_seconds_count|${model}|`) / seconds : 0;
    const queue = last.values.get(`vaefeat_queue_rows|${model}|`) ?? 0;
    const times = [0.5, 0.99].map((share) => milliseconds(quantile(buckets, share)));
    return [rate.toFixed(rate < 10 ? 1 : 0), ...times, String(queue)];
  }
}

function parse(text) {
  const values = new Map();
  for (const line of text.split("\n")) {
    const found = LINE.exec(line);
    if (!found) continue;
    const labels = new Map([...found[2].matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
    values.set(`${found[1]}|${labels.get("model")}|${labels.get("le") ?? ""}`, Number(found[3]));
  }
  return values;
}

// Assumes that requests are spread evenly within a bucket.
function quantile(buckets, share) {
  const total = buckets.at(-1)?.[1] ?? 0;
  if (!total) return null;
  let [below, counted] = [0, 0];
  for (const [edge, count] of buckets) {
    if (count >= share * total) {
      return edge === Infinity ? below : below + ((edge - below) * (share * total - counted)) / (count - counted);
    }
    [below, counted] = [edge, count];
  }
  return below;
}

const milliseconds = (seconds) => (seconds === null ? "–" : `${Number((1000 * seconds).toPrecision(2))} ms`);
