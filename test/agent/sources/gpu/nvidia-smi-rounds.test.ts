import { describe, expect, test } from "vitest";
import { measuredFields } from "../../../../agent/sources/gpu/nvidia-smi-fields.ts";
import {
  chooseLayout,
  createRoundReader,
  readFieldNames,
} from "../../../../agent/sources/gpu/nvidia-smi-rounds.ts";

const listed = new Set(["count", "index", "uuid", "pci.bus_id", "temperature.gpu", "name"]);
const layout = chooseLayout(measuredFields, listed);

function line(index: number, count = 2, name = "NVIDIA H100"): string {
  return `${count}, ${index}, GPU-${index}, 00000000:0${index}:00.0, 5${index}, ${name}`;
}

describe("the layout of a query", () => {
  test("asks only for what is listed, and for the name last", () => {
    expect(layout.query).toBe("count,index,uuid,pci.bus_id,temperature.gpu,name");
  });

  test("falls back to the older spelling of a field", () => {
    const old = chooseLayout(measuredFields, new Set(["clocks_throttle_reasons.hw_slowdown"]));
    expect(old.query).toBe("clocks_throttle_reasons.hw_slowdown");
  });

  test("reads every spelling in the help text, and not the quoted values it explains", () => {
    const help = [
      "List of valid properties",
      "",
      '"uuid" or "gpu_uuid"',
      'This value is the "identifier" of the GPU.',
      '"0: Default" means multiple contexts are allowed per device.',
      '"pstate"',
    ].join("\n");
    expect([...readFieldNames(help)]).toEqual(["uuid", "gpu_uuid", "pstate"]);
  });
});

describe("the rounds of a loop", () => {
  test("are complete when a row of each GPU has come", () => {
    const reader = createRoundReader(layout);
    expect(reader.take(line(0))).toBeUndefined();
    expect(reader.take(line(1))).toMatchObject([{ uuid: "GPU-0" }, { uuid: "GPU-1" }]);
    expect(reader.take(line(0))).toBeUndefined();
  });

  test("are complete when a GPU comes again though the driver counts more", () => {
    const reader = createRoundReader(layout);
    expect(reader.take(line(0, 3))).toBeUndefined();
    expect(reader.take(line(2, 3))).toBeUndefined();
    expect(reader.take(line(0, 3))).toMatchObject([{ index: 0 }, { index: 2 }]);
  });

  test("go by the number of GPUs asked for rather than by the driver's count", () => {
    const reader = createRoundReader(layout, 1);
    expect(reader.take(line(1, 8))).toHaveLength(1);
  });

  test.each([
    "",
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
    "2, 0, GPU-0, 00000000:00:00.0, 50",
    "count, index, uuid, pci.bus_id, temperature.gpu, name",
    "2, [Unknown Error], GPU-0, 00000000:00:00.0, 50, NVIDIA H100",
  ])("leave out what is no row: %j", (text) => {
    const reader = createRoundReader(layout);
    expect(reader.take(line(0))).toBeUndefined();
    expect(reader.take(text)).toBe("no row");
    expect(reader.take(line(1))).toHaveLength(2);
  });

  test("keep the columns of a GPU whose name holds a comma or stands in quotes", () => {
    const reader = createRoundReader(layout);
    reader.take(line(0, 2, "Board, Model B"));
    expect(reader.take(line(1, 2, '"Board, Model C"'))).toMatchObject([
      { model: "Board, Model B", uuid: "GPU-0" },
      { model: "Board, Model C", uuid: "GPU-1" },
    ]);
  });

  test("have a lost GPU's row without what it can no longer tell", () => {
    const reader = createRoundReader(layout);
    const text = "1, 0, [GPU is lost], 00000000:00:00.0, [GPU is lost], [GPU is lost]";
    expect(reader.take(text)).toMatchObject([
      { index: 0, uuid: "", pciBusId: "00000000:00:00.0", lost: true, model: "" },
    ]);
  });

  test("never grow past a bound when no GPU comes again", () => {
    const reader = createRoundReader(layout);
    const lengths = Array.from({ length: 200 }, (_, index) => reader.take(line(index, 500)));
    expect(Math.max(...lengths.map((rows) => (Array.isArray(rows) ? rows.length : 0)))).toBe(64);
  });
});
