/**
 * The fuzz lane of the wire: `node test/fuzz/wire.ts --seconds N --seed S`. Damages pages, frame messages and event
 * lines and holds what must be true of any bytes; a failure prints the seed and the input, and the same seed repeats it.
 */
import { isDeepStrictEqual, parseArgs } from "node:util";
import { crc32 } from "node:zlib";
import { openMetric } from "../../core/catalog/metric.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import { decodeEvents } from "../../core/wire/event-codec.ts";
import { createExposition, type ExpositionFormat } from "../../core/wire/exposition.ts";
import { createFrameDecoder, createFrameEncoder } from "../../core/wire/frame-codec.ts";
import { isPresent, type Frame, type Schema } from "../../core/wire/frame.ts";
import { negotiateCoding, negotiateFormat } from "../../core/wire/negotiate.ts";
import { createExpositionParser, type ExpositionParser } from "../../core/wire/parse.ts";
import type { ParsedExposition } from "../../core/wire/parsed.ts";

type Random = (below: number) => number;

const seriesLimit = 40;

/** Mulberry32. */
function createRandom(seed: number): Random {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const schema: Schema = {
  origin: { node: "n", job: "j", instance: "i", boot: "b" },
  version: 1,
  groups: [{ source: "s", first: 0, length: 24 }],
  series: Array.from({ length: 24 }, (_, index) => ({
    metric: openMetric(`m${index >> 2}_total`, index % 8 < 4 ? "counter" : "gauge", "Help é.", [
      "device",
      "mode",
    ]),
    values: [`gpu${index}`, 'a "b" \\ \n é'],
    device: null,
  })),
};

function randomFrame(random: Random, sequence: number): Frame {
  const values = Float64Array.from({ length: 24 }, () => randomNumber(random));
  const present = Uint8Array.from({ length: 3 }, () => random(256) | random(256));
  const timestamps = Float64Array.of(1_790_000_000_000 + sequence * 1000);
  return { schema, sequence, timestamps, values, present, complete: random(2) === 0 };
}

function randomNumber(random: Random): number {
  const whole = random(2 ** 31);
  const odd = [Number.NaN, Infinity, -Infinity, -0, 5e-324, Number.MAX_VALUE, 2 ** 53];
  return (
    [random(100), whole, whole / 1000, -whole / 7, odd[random(odd.length)] ?? 0][random(5)] ?? 0
  );
}

const fragments = [
  "\n",
  "{",
  "}",
  '"',
  "\\",
  "# EOF\n",
  "# TYPE m1_total gauge\n",
  " ",
  "1e",
  "é",
  "\r",
];

/** A few bytes changed, put in, taken out or repeated. */
function damage(random: Random, bytes: Buffer): Buffer {
  let damaged = Buffer.from(bytes);
  for (let count = random(4); count > 0; count -= 1) {
    const at = random(damaged.length + 1);
    const cut = at + random(Math.min(40, damaged.length - at + 1));
    const middles = [
      Buffer.from([random(256)]),
      Buffer.from(fragments[random(fragments.length)] ?? ""),
      Buffer.alloc(0),
      Buffer.concat([damaged.subarray(at, cut), damaged.subarray(at, cut)]),
    ];
    const middle = middles[random(middles.length)] ?? Buffer.alloc(0);
    damaged = Buffer.concat([damaged.subarray(0, at), middle, damaged.subarray(cut)]);
  }
  return random(8) === 0 ? damaged.subarray(0, random(damaged.length + 1)) : damaged;
}

/** What a page says, whatever slots its series have. */
function contentOf(parsed: ParsedExposition): unknown {
  const samples = parsed.series.flatMap((series, slot) =>
    isPresent(parsed.present, slot)
      ? [JSON.stringify(series), parsed.values[slot], parsed.timestamps[slot]].join(" ")
      : [],
  );
  const { problems, problemCount, truncated } = parsed;
  return { samples: samples.sort(), problems, problemCount, truncated };
}

function demand(holds: boolean, promise: string): void {
  if (!holds) throw new Error(promise);
}

/** A parser that has read other pages says the same of a page as one that hasn't. */
function fuzzPage(
  random: Random,
  known: ExpositionParser,
  body: Buffer,
  format: ExpositionFormat,
): void {
  const fresh = createExpositionParser({ series: seriesLimit });
  const expected = contentOf(fresh.parse(body, format));
  const first = known.parse(body, format);
  demand(first.samples <= seriesLimit, "a page gives more series than it may");
  demand(isDeepStrictEqual(contentOf(first), expected), "a known target's page reads differently");
  demand(
    isDeepStrictEqual(contentOf(known.parse(body, format)), expected),
    "a page reads differently the second time",
  );
  demand(
    first.problems.every(({ line }) => line >= 1),
    "a problem has no line",
  );
  if (random(20) === 0) negotiateFormat(body.toString("latin1"));
  if (random(20) === 0) negotiateCoding(body.toString("latin1"));
}

/** A damaged message, its length and checksum made right, gives frames of its schema or FRAME_MALFORMED. */
function fuzzFrames(random: Random, bytes: Buffer): void {
  const messages: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 12 + bytes.readUInt32LE(at + 4);
    const body =
      random(2) === 0 ? damage(random, bytes.subarray(at + 12, end)) : bytes.subarray(at + 12, end);
    const message = Buffer.concat([bytes.subarray(at, at + 12), body]);
    message.writeUInt32LE(body.length, 4);
    message.writeUInt32LE(crc32(body, crc32(message.subarray(0, 8))), 8);
    messages.push(message);
    at = end;
  }
  const stream = Buffer.concat(messages);
  expectMalformed(() =>
    createFrameDecoder({ series: seriesLimit, streams: 2 }).decode(stream, (frame) => {
      demand(frame.values.length === frame.schema.series.length, "a frame doesn't fit its schema");
      demand(frame.values.length <= seriesLimit, "a frame has more series than it may");
    }),
  );
  expectMalformed(() => createFrameDecoder().decode(damage(random, bytes), () => undefined));
}

function expectMalformed(attempt: () => unknown): void {
  try {
    attempt();
  } catch (error) {
    if (!(error instanceof WarpwatchError) || error.code !== "FRAME_MALFORMED") throw error;
  }
}

function fuzzEvents(random: Random): void {
  const line =
    '{"node":"n","boot":"b","sequence":1,"timeMilliseconds":2,"kind":"xid","device":"","text":"x","fields":{"a":"b"}}\n';
  const text = damage(random, Buffer.from(line.repeat(3))).toString();
  const decoded = decodeEvents(text, 10);
  demand(decoded.events.length <= 10, "more events than asked for");
}

function runOnce(seed: number): void {
  const random = createRandom(seed);
  const exposition = createExposition();
  const encoder = createFrameEncoder();
  const parser = createExpositionParser({ series: seriesLimit });
  const encoded: Buffer[] = [];
  for (let sequence = 1; sequence <= 4; sequence += 1) {
    const frame = randomFrame(random, sequence);
    const format = random(3) === 0 ? "openmetrics" : "text";
    fuzzPage(random, parser, damage(random, exposition.render(frame, format)), format);
    encoded.push(Buffer.from(encoder.encode(frame)));
  }
  fuzzFrames(random, Buffer.concat(encoded));
  fuzzEvents(random);
}

function main(): void {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "10" },
      seed: { type: "string", default: "1" },
      runs: { type: "string", default: "1000000000" },
    },
  });
  const first = Number(values.seed);
  const end = performance.now() + Number(values.seconds) * 1000;
  let seed = first;
  for (; performance.now() < end && seed - first < Number(values.runs); seed += 1) {
    try {
      runOnce(seed);
    } catch (error) {
      const sentence = error instanceof Error ? error.stack : String(error);
      process.stderr.write(
        `seed ${seed}: ${sentence}\nrepeat: node test/fuzz/wire.ts --seed ${seed} --runs 1\n`,
      );
      process.exitCode = 1;
      return;
    }
  }
  process.stdout.write(`${seed - first} runs from seed ${first}, all promises held\n`);
}

main();
