import { describe, expect, it } from "vitest";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import {
  createRemoteWriteReceiver,
  type RemoteWriteReply,
} from "../../../../collector/ingest/remote-write/receiver.ts";
import type { RemoteWriteSettings } from "../../../../collector/ingest/remote-write/settings.ts";
import { isPresent, labelsOf, type Frame } from "../../../../core/wire/frame.ts";
import { encodeSnappy } from "../../../../core/wire/snappy.ts";
import {
  encodeWriteRequest,
  encodeWriteRequestV2,
  type WrittenSeries,
} from "../../../../core/wire/write-request-writer.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  testOrigin,
} from "../../../kit/rule-bench.ts";

const minute = 60_000;
const settings: RemoteWriteSettings = {
  enabled: true,
  maximumSeries: 100_000,
  bodyLimitBytes: 1024 * 1024,
  messageLimitBytes: 4 * 1024 * 1024,
};

function open(options: { history?: boolean; seriesPerOrigin?: number; series?: number } = {}) {
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics(clock);
  const limits = { ...defaultIngestLimits, seriesPerOrigin: options.seriesPerOrigin ?? 100 };
  const ingest = createIngest({ clock, log: quietLog, metrics, limits });
  const stored: string[] = [];
  const judged: string[] = [];
  const frames: string[] = [];
  const disk = { fails: false, holds: null as Promise<void> | null };
  ingest.listen({
    frame(state) {
      state.schema.series.forEach((_, slot) => {
        if (isPresent(state.present, slot))
          judged.push(show(state, slot, state.times[slot] ?? 0, state.values[slot] ?? 0));
      });
    },
  });
  const append = async (frame: Frame): Promise<void> => {
    const found = frame.schema.series.flatMap((_, slot) =>
      isPresent(frame.present, slot)
        ? [show(frame, slot, frame.timestamps[0] ?? 0, frame.values[slot] ?? 0)]
        : [],
    );
    frames.push(`${frame.schema.origin.instance} ${frame.sequence}`);
    await disk.holds;
    if (disk.fails) throw new Error("the disk is full");
    stored.push(...found);
  };
  const receiver = createRemoteWriteReceiver({
    clock,
    log: quietLog,
    metrics,
    settings: { ...settings, maximumSeries: options.series ?? settings.maximumSeries },
    limits,
    door: ingest.pushed,
    boot: "boot-1",
    append: options.history === false ? null : append,
    late: () => undefined,
    historyMilliseconds: 86_400_000,
  });
  const send = (list: readonly WrittenSeries[], version = 1): Promise<RemoteWriteReply> =>
    version === 1
      ? receiver.receive({ headers: headersV1, body: encodeSnappy(encodeWriteRequest(list)) })
      : receiver.receive({ headers: headersV2, body: encodeSnappy(encodeWriteRequestV2(list)) });
  const counted = async (): Promise<string[]> =>
    (await metrics.render("text")).match(/^warpwatch_remote_write_\S+ [1-9]\d*$/gm) ?? [];
  return { clock, ingest, receiver, send, stored, judged, frames, disk, counted };
}

const headersV1 = {
  "content-type": "application/x-protobuf",
  "content-encoding": "snappy",
  "x-prometheus-remote-write-version": "0.1.0",
};
const headersV2 = {
  ...headersV1,
  "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
};

function show(
  { schema }: Pick<Frame, "schema">,
  slot: number,
  time: number,
  value: number,
): string {
  const series = schema.series[slot];
  if (!series) return "nothing";
  const { node, job, instance } = schema.origin;
  const labels = Object.values(labelsOf(series)).join(",");
  return `${node} ${job}/${instance} ${series.metric.name}{${labels}} ${value} @${time - startMilliseconds}`;
}

function one(name: string, value: number, offset = 0, labels: Record<string, string> = {}) {
  const all = { __name__: name, instance: "node-1:9100", job: "node", ...labels };
  return {
    labels: Object.entries(all)
      .map(([label, text]) => ({ name: label, value: text }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    samples: [{ time: startMilliseconds + offset, value }],
  };
}

describe.each([1, 2])("the remote-write receiver, message %d", (version) => {
  it("takes samples to history and to the rules under their target's name", async () => {
    const { send, stored, judged } = open();
    const reply = await send([one("up", 1), one("load", 0.5, 0, { cpu: "3" })], version);
    expect(reply).toMatchObject({ status: 204, body: "" });
    expect(reply.headers["x-prometheus-remote-write-samples-written"]).toBe("2");
    const expected = [
      "node-1 node/node-1:9100 up{} 1 @0",
      "node-1 node/node-1:9100 load{3} 0.5 @0",
    ];
    expect(stored).toEqual(expected);
    expect(judged).toEqual(expected);
  });

  it("makes a frame of each moment, in their order, whoever groups them by series", async () => {
    const { send, stored } = open();
    const series = (name: string): WrittenSeries => ({
      ...one(name, 0),
      samples: [0, 1000, 2000].map((offset) => ({
        time: startMilliseconds + offset,
        value: offset,
      })),
    });
    await send([series("a"), series("b")], version);
    expect(stored.map((line) => line.replace("node-1 node/node-1:9100 ", ""))).toEqual([
      "a{} 0 @0",
      "b{} 0 @0",
      "a{} 1000 @1000",
      "b{} 1000 @1000",
      "a{} 2000 @2000",
      "b{} 2000 @2000",
    ]);
  });

  it("writes what is valid and answers 400 with what isn't, by reason and number", async () => {
    const { send, stored, counted } = open({ seriesPerOrigin: 2 });
    const reply = await send(
      [
        one("up", 1),
        one("far", 2, 11 * minute),
        one("third", 3),
        one("", 4),
        one("ancient", 5, -2 * 86_400_000, { instance: "node-2:9100" }),
        one("long", 6, 0, { note: "x".repeat(2000) }),
      ],
      version,
    );
    expect(reply.status).toBe(400);
    expect(reply.body).toMatch(/^1 samples were written, the rest was not: /);
    for (const part of ["1 are from the future", "1 are of series over the bound"])
      expect(reply.body).toContain(part);
    for (const part of ["1 have labels that break", "1 are too old", "1 have a label value"])
      expect(reply.body).toContain(part);
    expect(reply.headers["x-prometheus-remote-write-samples-written"]).toBe("1");
    expect(stored).toEqual(["node-1 node/node-1:9100 up{} 1 @0"]);
    expect(await counted()).toEqual(
      expect.arrayContaining([
        'warpwatch_remote_write_samples_refused_total{reason="future"} 1',
        'warpwatch_remote_write_samples_refused_total{reason="series"} 1',
        'warpwatch_remote_write_requests_total{outcome="partial"} 1',
      ]),
    );
  });

  it("takes a request that is sent again as it was without keeping it twice", async () => {
    const { send, stored, judged, counted } = open();
    const request = [one("up", 1), one("up", 0, 1000)];
    await send(request, version);
    const before = [...judged];
    expect(await send(request, version)).toMatchObject({ status: 204 });
    // History has each time once, though the older one may be handed to it again.
    expect(new Set(stored).size).toBe(2);
    expect(stored.filter((line) => line.endsWith("@1000"))).toHaveLength(1);
    expect(new Set(judged)).toEqual(new Set(before));
    expect(await counted()).toContain("warpwatch_remote_write_samples_repeated_total 1");
  });

  it("refuses another value for a time that has one", async () => {
    const { send } = open();
    await send([one("up", 1)], version);
    expect((await send([one("up", 2)], version)).body).toContain("1 differ from what was sent");
    const twice = await send([one("b", 1), one("b", 1), one("b", 2)], version);
    expect(twice.headers["x-prometheus-remote-write-samples-written"]).toBe("2");
    expect(twice.status).toBe(400);
  });
});

describe("the remote-write receiver", () => {
  it("answers only when history has the samples", async () => {
    const { send, disk } = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.holds = promise;
    let answered = false;
    const reply = send([one("up", 1)]).then((given) => {
      answered = true;
      return given;
    });
    await new Promise((done) => setTimeout(done, 5));
    expect(answered).toBe(false);
    resolve();
    expect((await reply).status).toBe(204);
  });

  it("asks to be sent again what history couldn't keep, and keeps it then", async () => {
    const { send, stored, disk } = open();
    disk.fails = true;
    const request = [one("up", 1), one("up", 0, 1000)];
    const failed = await send(request);
    expect(failed).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
    expect(failed.body).toContain("the disk is full");
    disk.fails = false;
    expect((await send(request)).status).toBe(204);
    expect(stored).toHaveLength(2);
  });

  it("doesn't answer a repeated request before its first sending is on disk", async () => {
    const { send, disk } = open();
    const { promise, resolve } = Promise.withResolvers<void>();
    disk.holds = promise;
    disk.fails = true;
    const both = Promise.all([send([one("up", 1)]), send([one("up", 1)])]);
    resolve();
    expect((await both).map(({ status }) => status)).toEqual([503, 503]);
  });

  it("keeps what is older than the newest for history, and judges it never", async () => {
    const { send, stored, judged } = open();
    await send([one("up", 1, 5000)]);
    judged.length = 0;
    expect((await send([one("up", 0, 4000), one("old", 7, -10 * minute)])).status).toBe(204);
    expect(stored).toHaveLength(3);
    expect(judged.filter((line) => line.includes("@4000") || line.includes("old"))).toEqual([]);
  });

  it("without history refuses what is older than the newest", async () => {
    const { send } = open({ history: false });
    expect((await send([one("up", 1, 5000)])).status).toBe(204);
    expect((await send([one("up", 0, 4000)])).body).toContain("1 are too old");
  });

  it("ends a series at the staleness marker, by its bits", async () => {
    const { receiver, ingest, send } = open();
    await send([one("up", 1), one("load", 2)]);
    const message = encodeWriteRequest([one("up", Number.NaN, 1000)]);
    const at = message.indexOf(Buffer.from([0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f]));
    message.writeBigUInt64LE(0x7ff0_0000_0000_0002n, at + 1);
    await receiver.receive({ headers: headersV1, body: encodeSnappy(message) });
    await send([one("load", Number.NaN, 1000)]);
    const [state] = ingest.origins();
    expect([0, 1].map((slot) => state && isPresent(state.present, slot))).toEqual([false, true]);
    expect(state?.values[1]).toBeNaN();
  });

  it("calls the node by the label where all series agree, by the target's host otherwise", async () => {
    const { send, ingest } = open();
    await send([
      one("up", 1, 0, { instance: "10.0.0.1:9100", node: "gpu-7" }),
      one("load", 1, 0, { instance: "10.0.0.1:9100", node: "gpu-7" }),
      one("kube_node_info", 1, 0, { instance: "10.0.0.9:8080", node: "gpu-7" }),
      one("kube_node_info", 1, 0, { instance: "10.0.0.9:8080", node: "gpu-8" }),
      one("up", 1, 0, { instance: "[fd00::7]:9100" }),
      one("job:load:sum", 1, 0, { instance: "", job: "" }),
    ]);
    const origins = Array.from(
      ingest.origins(),
      ({ origin }) => `${origin.instance} ${origin.node}`,
    );
    expect(origins).toEqual([
      "10.0.0.1:9100 gpu-7",
      "10.0.0.9:8080 10.0.0.9",
      "[fd00::7]:9100 fd00::7",
      "remote_write ",
    ]);
  });

  it("knows a GPU by its UUID and a counter by its name or by what the sender says", async () => {
    const { receiver, send, ingest } = open();
    const about = new Map([["odd", { type: "counter" as const, help: "Odd things." }]]);
    await receiver.receive({
      headers: headersV1,
      body: encodeSnappy(encodeWriteRequest([], about)),
    });
    await send([
      one("odd", 1),
      one("even_total", 1),
      one("DCGM_FI_DEV_GPU_TEMP", 40, 0, { UUID: "GPU-1", gpu: "3" }),
    ]);
    const [state] = ingest.origins();
    expect(
      state?.schema.series.map(({ metric, device }) => [metric.kind, metric.help, device?.name]),
    ).toEqual([
      ["counter", "Odd things.", undefined],
      ["counter", "", undefined],
      ["gauge", "", "gpu3"],
    ]);
  });

  it("lets go of series that stay away for an hour, and takes others in their place", async () => {
    const { send, clock } = open({ series: 2 });
    await send([one("a", 1), one("b", 1)]);
    expect((await send([one("c", 1)])).status).toBe(400);
    for (let passed = 0; passed <= 62; passed += 1) {
      await clock.advance(minute);
      expect((await send([one("a", passed, (passed + 1) * minute)])).status).toBe(204);
    }
    const last = 63 * minute;
    expect((await send([one("c", 1, last), one("a", 9, last + 1)])).status).toBe(204);
    expect((await send([one("b", 1, last)])).status).toBe(400);
  });

  it("counts the frames of a target on when it comes back after hours, so that none passes for a repeat", async () => {
    const { send, clock, frames } = open();
    const away = { instance: "node-2:9100" };
    for (let passed = 0; passed <= 65; passed += 1) {
      const time = passed * minute;
      const both = [one("a", passed, time), ...(passed < 3 ? [one("b", 1, time, away)] : [])];
      await send(both);
      await clock.advance(minute);
    }
    await send([one("b", 1, 66 * minute, away)]);
    const counted = frames.filter((name) => name.startsWith("node-2"));
    expect(new Set(counted).size).toBe(4);
  });

  it("refuses what it doesn't speak, can't read or won't hold, with the status that says so", async () => {
    const { receiver } = open();
    const body = encodeSnappy(encodeWriteRequest([one("up", 1)]));
    const status = async (headers: Record<string, string>, bytes = body): Promise<number> =>
      (await receiver.receive({ headers: { ...headersV1, ...headers }, body: bytes })).status;
    expect(await status({ "content-type": "application/json" })).toBe(415);
    expect(await status({ "content-encoding": "gzip" })).toBe(415);
    expect(await status({ "content-type": "application/x-protobuf; proto=other.Request" })).toBe(
      415,
    );
    expect(
      await status({ "content-type": 'application/x-protobuf; proto="prometheus.WriteRequest"' }),
    ).toBe(204);
    expect(await status({}, Buffer.from("not snappy at all"))).toBe(400);
    expect(await status({}, encodeSnappy(Buffer.from("not a message")))).toBe(400);
    expect(await status({}, Buffer.from([0xff, 0xff, 0xff, 0x7f, 0]))).toBe(413);
  });

  it("tells of native histograms that aren't kept, and of exemplars where 2.0 asks for it", async () => {
    const { receiver } = open();
    const withField = (message: Buffer, tag: number): Buffer => {
      const series = Buffer.from(message);
      series[1] = (series[1] ?? 0) + 2;
      return encodeSnappy(Buffer.concat([series, Buffer.from([tag, 0])]));
    };
    const v1 = encodeWriteRequest([one("up", 1)]);
    const exemplar = await receiver.receive({ headers: headersV1, body: withField(v1, 0x1a) });
    expect(exemplar.status).toBe(204);
    const histogram = await receiver.receive({ headers: headersV1, body: withField(v1, 0x22) });
    expect(histogram).toMatchObject({ status: 400 });
    expect(histogram.body).toContain("1 native histograms aren't supported");
    // The same labels again, by their six symbols, with an exemplar alone.
    const again = Buffer.from([0x2a, 10, 0x0a, 6, 1, 2, 3, 4, 5, 6, 0x22, 0]);
    const v2 = Buffer.concat([encodeWriteRequestV2([one("down", 1)]), again]);
    const strict = await receiver.receive({ headers: headersV2, body: encodeSnappy(v2) });
    expect(strict).toMatchObject({ status: 400 });
    expect(strict.body).toBe("1 samples were written, the rest was not: 1 exemplars aren't kept");
  });

  it("holds back what is more than it can take at once, before it is read", () => {
    const { receiver } = open();
    const head = { "content-length": String(settings.bodyLimitBytes) };
    expect(receiver.refuse({})).toMatchObject({ status: 411 });
    expect(receiver.refuse({ "content-length": "9999999" })).toMatchObject({ status: 413 });
    for (let request = 0; request < 64; request += 1) expect(receiver.refuse(head)).toBeNull();
    expect(receiver.refuse(head)).toMatchObject({ status: 503, headers: { "retry-after": "5" } });
    receiver.ended(head);
    expect(receiver.refuse(head)).toBeNull();
  });
});

it("refuses samples of a target that is scraped here, and says so, and takes the others", async () => {
  const { ingest, send, stored, counted } = open();
  const scraped = createFrameMaker({ ...testOrigin, job: "node", instance: "node-1:9100" });
  ingest.accept(scraped(startMilliseconds, [{ metric: "up", value: 1 }]));
  const reply = await send([one("up", 0, 1000), one("up", 0, 1000, { instance: "node-2:9100" })]);
  expect(reply.status).toBe(400);
  expect(reply.body).toContain("1 go by a job and an instance that are scraped here");
  expect(stored).toEqual(["node-2 node/node-2:9100 up{} 0 @1000"]);
  expect(await counted()).toContain(
    'warpwatch_remote_write_samples_refused_total{reason="taken"} 1',
  );
});
