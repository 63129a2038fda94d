/** A BMC played by a stand-in for ioctl(2) and poll(2): what it says, refuses, delays and never answers. */
import { describe, expect, onTestFinished, test } from "vitest";
import { createLog } from "../../../../core/kit/log.ts";
import { createIpmiSource } from "../../../../agent/sources/host/ipmi.ts";
import type { Reader } from "../../../../agent/sources/source.ts";
import { writeHost } from "../../../hosts/tree.ts";
import { compactRecord, fullRecord, scriptOf, type ScriptedSensor } from "../../../kit/bmc.ts";
import { createFakeClock, type FakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { canCompile, compileStandIn, writeDevice } from "../../../kit/stand-in-devices.ts";
import { makeHostContext, readRound } from "./context.ts";

const scanned = 0xc0;
const inlet: ScriptedSensor = {
  number: 1,
  name: "Inlet",
  entity: [55, 1],
  answer: [24, scanned, 0xc0],
};
const fan: ScriptedSensor = {
  number: 2,
  name: "FAN1",
  entity: [29, 1],
  type: 4,
  units: [0, 18],
  factors: [100, 0, 0, 0],
  // Below its critical threshold and so below the other one as well.
  answer: [3, scanned, 0b0000_0011],
};
const voltage: ScriptedSensor = {
  number: 3,
  name: "12V",
  type: 2,
  units: [0, 4],
  factors: [6, 0, 0, -2],
  answer: [201, scanned, 0],
};
const power: ScriptedSensor = {
  number: 4,
  name: "PSU1 Power",
  entity: [10, 1],
  type: 0x0b,
  units: [0, 6],
  factors: [8, 0, 0, 0],
  answer: [90, scanned, 0],
};
const duty: ScriptedSensor = {
  number: 5,
  name: "Fan duty",
  units: [1, 0],
  answer: [55, scanned, 0],
};
const supply: ScriptedSensor = {
  number: 6,
  name: "PSU",
  entity: [10, 1],
  type: 8,
  readingType: 0x6f,
  // Present, and its input is lost.
  answer: [0, scanned, 0b0000_1001, 0x80],
};

describe.runIf(canCompile)("a BMC", () => {
  test("tells its sensors in base units, by what they belong to", async () => {
    const sensors = [inlet, fan, voltage, power, duty, supply];
    const records = sensors.map((sensor, index) =>
      sensor === supply ? compactRecord(index + 1, sensor) : fullRecord(index + 1, sensor),
    );
    const { reader } = await open(scriptOf({ records, sensors }));
    const samples = shown(await readRound(reader));
    expect(samples).toMatchObject({
      "temperature_celsius 1 air_inlet_1 Inlet": 24,
      "fan_speed_rpm 2 fan_1 FAN1": 300,
      "voltage_volts 3 system_board_1 12V": 12.06,
      "power_watts 4 power_supply_1 PSU1 Power": 720,
      "sensor_ratio 5 system_board_1 Fan duty": 0.55,
      "sensor_severity 1 air_inlet_1 Inlet": 0,
      "sensor_severity 2 fan_1 FAN1": 2,
      "power_supply_state 6 power_supply_1 PSU present": 1,
      "power_supply_state 6 power_supply_1 PSU failed": 0,
      "power_supply_state 6 power_supply_1 PSU input_lost": 1,
      "sensors read": 6,
      "sensors silent": 0,
      "sensors left_out": 0,
    });
    expect(samples).not.toHaveProperty("sensor_severity 6 power_supply_1 PSU");
  });

  test("tells its firmware, the chassis, the event log and the machine's power", async () => {
    const { reader, clock } = await open(scriptOf({ records: [], sensors: [], lines: noRecords }));
    const samples = shown(await readRound(reader));
    expect(samples).toEqual({
      "info 2.13 10876 2437 2.0": 1,
      read_timestamp_seconds: clock.now() / 1000,
      chassis_power_on: 1,
      "chassis_fault power_overload": 0,
      "chassis_fault power_fault": 0,
      "chassis_fault power_control_fault": 0,
      "chassis_fault intrusion": 0,
      "chassis_fault drive_fault": 0,
      "chassis_fault cooling_fault": 1,
      event_log_entries: 300,
      event_log_free_bytes: 1024,
      event_log_overflowed: 1,
      "system_power_watts current": 1500,
      "system_power_watts minimum": 300,
      "system_power_watts maximum": 2000,
      "system_power_watts average": 1200,
      "sensors read": 0,
      "sensors silent": 0,
      "sensors left_out": 0,
    });
  });

  test("without DCMI, a chassis or an event log has its sensors still", async () => {
    const lines = ["2c 02 * = c1", "00 01 00 - = c1", "0a 40 00 - = cb"];
    const { reader } = await open(scriptOf({ ...one(inlet), lines }));
    const samples = Object.keys(shown(await readRound(reader)));
    expect(samples).toContain("temperature_celsius 1 air_inlet_1 Inlet");
    expect(samples.filter((name) => /chassis|event|system_power/.test(name))).toEqual([]);
  });

  test.each<[string, readonly number[] | null]>([
    ["that refuses", null],
    ["that isn't scanned", [24, 0, 0]],
    ["whose reading isn't available", [24, 0xe0, 0]],
    ["that says nothing", []],
  ])("has a sensor %s: it is silent, and zero is told of nothing", async (_what, answer) => {
    const { reader } = await open(scriptOf(one({ ...inlet, answer })));
    const samples = shown(await readRound(reader));
    expect(samples["sensors silent"]).toBe(1);
    expect(Object.keys(samples).filter((name) => name.includes("Inlet"))).toEqual([]);
  });

  test("isn't asked for another controller's sensors, nor for those that are no numbers; it has them counted", async () => {
    const sensors = [
      inlet,
      { ...inlet, number: 9, name: "ME", owner: 0x2c },
      {
        ...inlet,
        number: 10,
        name: "Watchdog",
        type: 0x23,
        readingType: 0x6f,
        answer: [0, scanned, 1],
      },
      { ...inlet, number: 11, name: "Airflow", units: [0, 17] as const },
    ];
    const records = sensors.map((sensor, index) => fullRecord(index + 1, sensor));
    const { reader } = await open(scriptOf({ records, sensors }));
    const samples = shown(await readRound(reader));
    expect(samples["sensors read"]).toBe(1);
    expect(samples["sensors left_out"]).toBe(3);
    expect(Object.keys(samples).filter((name) => /ME|Watchdog|Airflow/.test(name))).toEqual([]);
  });

  test("is asked every 30 s, and its records only when they have changed", async () => {
    const { reader, clock, rewrite } = await open(scriptOf(one(inlet)));
    const series = "temperature_celsius 1 air_inlet_1 Inlet";
    expect(shown(await readRound(reader))[series]).toBe(24);
    // The records can no longer be read, and nobody asks for them.
    const warmer = { ...inlet, answer: [31, scanned, 0] };
    rewrite(scriptOf({ ...one(warmer), lines: ["0a 23 * = c5"] }));
    await clock.advance(29_999);
    expect(shown(await readRound(reader))[series]).toBe(24);
    await clock.advance(1);
    expect(shown(await readRound(reader))[series]).toBe(31);
    rewrite(scriptOf({ ...one({ ...warmer, name: "Air" }), revision: 2 }));
    await clock.advance(30_000);
    const renamed = shown(await readRound(reader));
    expect(renamed["temperature_celsius 1 air_inlet_1 Air"]).toBe(31);
    expect(renamed).not.toHaveProperty([series]);
  });

  test("is down with one sentence when it refuses its records, and comes back", async () => {
    const refusing = scriptOf({ ...one(inlet), lines: ["0a 23 * = c5"] });
    const sentence = "the BMC doesn't let its sensors' records be read to the end";
    await expect(open(refusing)).rejects.toThrow(sentence);

    const { reader, clock, rewrite } = await open(scriptOf(one(inlet)));
    rewrite(scriptOf({ ...one(inlet), lines: ["0a 23 * = c5"], revision: 2 }));
    await clock.advance(30_000);
    await expect(readRound(reader)).rejects.toThrow(sentence);
    rewrite(scriptOf(one(inlet)));
    await clock.advance(30_000);
    expect(shown(await readRound(reader))["sensors read"]).toBe(1);
  });

  test("whose records lead in a circle, or are nonsense, is walked once", async () => {
    const circle = fullRecord(1, inlet);
    const lines = [`0a 23 00 341200000005 = 000000${circle.toString("hex", 0, 5)}`];
    const { reader } = await open(scriptOf({ ...one(inlet), lines }));
    expect(shown(await readRound(reader))["sensors read"]).toBe(1);
  });

  test("takes the answer to its question and none that is late", async () => {
    const lines = [`04 2d 00 01 = late 00${Buffer.of(40, scanned, 0).toString("hex")}`];
    const { reader } = await open(scriptOf({ ...one(inlet), lines }));
    expect(shown(await readRound(reader))["temperature_celsius 1 air_inlet_1 Inlet"]).toBe(40);
  });

  test("that never answers, or whose driver fails, is down with what was said", async () => {
    await expect(open("0a 20 00 - = hang")).rejects.toThrow(
      "the BMC gave no answer within 7000 ms",
    );
    await expect(open("errno 19")).rejects.toThrow("ioctl: ENODEV");
  });

  test("with more sensors than the bound has the rest counted", async () => {
    const sensors = Array.from({ length: 300 }, (_, index) => ({
      ...inlet,
      number: index % 150,
      lun: Math.floor(index / 150),
      name: `T${index}`,
    }));
    const records = sensors.map((sensor, index) => fullRecord(index + 1, sensor));
    const { reader } = await open(scriptOf({ records, sensors }));
    const samples = shown(await readRound(reader));
    expect(samples["sensors read"]).toBe(256);
    expect(samples["sensors left_out"]).toBe(44);
    expect(samples["temperature_celsius 1.5 air_inlet_1 T155"]).toBe(24);
  });
});

test("is absent where there is no device, with the drivers' names", async () => {
  const root = makeFolder();
  const paths = writeHost(root, {});
  const outcome = await createIpmiSource().open(
    makeHostContext({ paths }),
    new AbortController().signal,
  );
  expect(outcome).toMatchObject({ absent: expect.stringContaining("ipmi_devintf") });
});

/** A repository of one record that no kind of sensor has. */
const noRecords = ["0a 23 00 341200000005 = 00ffff0000511100"];

function one(sensor: ScriptedSensor): { records: Buffer[]; sensors: ScriptedSensor[] } {
  return { records: [fullRecord(1, sensor)], sensors: [sensor] };
}

interface Opened {
  readonly reader: Reader;
  readonly clock: FakeClock;
  readonly rewrite: (script: string) => void;
}

async function open(script: string): Promise<Opened> {
  const root = makeFolder();
  const paths = writeHost(root, {});
  writeDevice(root, "ipmi0", script);
  const clock = createFakeClock();
  const context = {
    ...makeHostContext({ paths, clock }),
    log: createLog({ clock, write: () => {} }),
  };
  const source = createIpmiSource(compileStandIn());
  const reader = await source.open(context, new AbortController().signal);
  if ("absent" in reader) throw new Error(reader.absent);
  onTestFinished(() => reader.close());
  return { reader, clock, rewrite: (changed) => writeDevice(root, "ipmi0", changed) };
}

/** `name label label`, without what all have in common. */
function shown(samples: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries(
    [...samples].map(([series, value]) => {
      const labels = [...series.matchAll(/="([^"]*)"/g)].map(([, text]) => text);
      const name = series.replace(/\{.*/, "").replace("warpwatch_bmc_", "");
      return [[name, ...labels].join(" "), value];
    }),
  );
}
