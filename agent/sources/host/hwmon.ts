/** Sensors from /sys/class/hwmon, as the kernel's hwmon/sysfs-interface document has it: `<kind><number>_<what>` per file. */
import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { chipNames, hardwareSensor, sensorLabel } from "../../../core/catalog/sensors.ts";
import type { FamilyForm } from "../../../core/catalog/metric.ts";
import type { Source } from "../source.ts";
import type { ValueOptions } from "./listed-entry.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

const kinds: ReadonlySet<string> = new Set([
  "vrm",
  "beep_enable",
  "update_interval",
  "in",
  "cpu",
  "fan",
  "pwm",
  "temp",
  "curr",
  "freq",
  "power",
  "energy",
  "humidity",
  "intrusion",
]);
const filePattern = /^(\D+)(\d*)(?:_(.+))?$/;
/** Limits and properties of the sensor rather than what it measures. */
const settledProperties =
  /^(min|max|crit|lcrit|emergency|cap|rated)(_(hyst|min|max))?$|^(type|offset|pulses|div|target)$/;
const milli: ValueOptions = { multiplier: 0.001 };
const micro: ValueOptions = { divisor: 1e6 };

interface Shape {
  readonly key: string;
  readonly options: ValueOptions;
  readonly form?: FamilyForm;
}

export function createHwmonSource(options: HostOptions["hwmon"]): Source {
  return {
    name: "hwmon",
    metrics: [hardwareSensor, chipNames, sensorLabel],
    sampling: "steady",
    open({ env }) {
      const folder = join(env.paths.sysfs, "class/hwmon");
      return openListedReader({
        clock: env.clock,
        relistMilliseconds: 60_000,
        fromHardware: true,
        absent: missing("hwmon", env.paths, folder),
        list(listing) {
          for (const chip of chipsIn(listing, folder)) listChip(listing, chip, options);
        },
      });
    },
  };
}

interface Chip {
  readonly folder: string;
  readonly name: string;
  readonly chip: string;
}

/** Of a device's several chips each is called by its own name too, or by its number where they share that as well. */
function chipsIn(listing: Listing, folder: string): Chip[] {
  const found = listing.folder(folder).map((entry): Chip => {
    const own = join(folder, entry);
    const name = cleanName(listing.text(join(own, "name")));
    return { folder: own, name, chip: chipOf(own, name) };
  });
  const namesakes = ({ chip }: Chip): Chip[] => found.filter((other) => other.chip === chip);
  return found.map((one) => {
    const others = namesakes(one);
    if (others.length === 1) return one;
    const isAlone = others.filter(({ name }) => name === one.name).length === 1;
    const suffix = isAlone && one.name !== "" ? one.name : cleanName(basename(one.folder));
    return { ...one, chip: `${one.chip}_${suffix}` };
  });
}

function listChip(
  listing: Listing,
  { folder, name, chip }: Chip,
  { keepsChip, keepsSensor }: HostOptions["hwmon"],
): void {
  if (!keepsChip(chip)) return;
  if (name !== "") listing.fact(chipNames, { chip, chip_name: name });
  /** Sensor → what of it → file; what the driver puts beside the chip counts before what hwmon itself shows. */
  const sensors = new Map<string, Map<string, string>>();
  for (const place of [folder, join(folder, "device")])
    for (const file of listing.folder(place, filePattern)) {
      const [, kind = "", number = "", property = ""] = filePattern.exec(file) ?? [];
      // `power` without a number is the folder of power management.
      if (!kinds.has(kind) || file === "power") continue;
      const sensor = `${kind}${Number(number)}`;
      const files = sensors.get(sensor) ?? new Map<string, string>();
      sensors.set(sensor, files.set(property, join(place, file)));
    }
  for (const [sensor, files] of sensors)
    if (keepsSensor(`${chip};${sensor}`)) listSensor(listing, chip, sensor, files);
}

function listSensor(
  listing: Listing,
  chip: string,
  sensor: string,
  files: ReadonlyMap<string, string>,
): void {
  const kind = sensor.replace(/\d+$/, "");
  for (const [property, path] of files) {
    if (property === "label") {
      const label = listing.text(path);
      listing.fact(sensorLabel, { chip, sensor, label });
      continue;
    }
    if (kind === "freq" && property === "input") {
      listClock(listing, chip, path, files.get("label"));
      continue;
    }
    const { key, options, form } = shapeOf(kind, property, files.has(""));
    listing.value(
      path,
      hardwareSensor.metric(key, form),
      { chip, sensor },
      {
        ...options,
        settled: settledProperties.test(property),
      },
    );
  }
}

/** The clock of a graphics processor, which goes by what the driver calls it: `sclk`. */
function listClock(listing: Listing, chip: string, path: string, label: string | undefined): void {
  if (label === undefined) return;
  const sensor = cleanName(listing.text(label));
  listing.value(path, hardwareSensor.metric("freq_freq_mhz"), { chip, sensor }, micro);
}

/** The name and the unit that node_exporter gives to what a sensor's file holds. */
function shapeOf(kind: string, property: string, hasBare: boolean): Shape {
  if (kind === "beep_enable")
    return { key: "beep_enabled", options: { parse: (text) => (text === "1" ? 1 : 0) } };
  if (kind === "vrm") return { key: "voltage_regulator_version", options: {} };
  if (kind === "update_interval") return { key: "update_interval_seconds", options: milli };
  const what = property === "input" ? (hasBare ? "_input" : "") : suffixOf(property);
  const key = kind + what;
  if (property === "fault" || property === "alarm") return { key, options: {} };
  if (property === "beep") return { key: `${key}_enabled`, options: {} };
  switch (kind) {
    case "in":
    case "cpu":
      return { key: `${key}_volts`, options: milli };
    case "temp":
      return property === "type" ? { key, options: {} } : { key: `${key}_celsius`, options: milli };
    case "curr":
      return { key: `${key}_amps`, options: milli };
    case "energy":
      return { key: `${key}_joule_total`, options: micro, form: { kind: "counter" } };
    case "power":
      if (property === "accuracy") return { key, options: micro };
      return property.startsWith("average_interval")
        ? { key: `${key}_seconds`, options: milli }
        : { key: `${key}_watt`, options: micro };
    case "humidity":
      return { key, options: micro };
    case "fan":
      return /^(input|min|max|target)$/.test(property)
        ? { key: `${key}_rpm`, options: {} }
        : { key, options: {} };
    default:
      return { key, options: {} };
  }
}

function suffixOf(property: string): string {
  return property === "" ? "" : `_${cleanName(property)}`;
}

/** Numbers of chips change from boot to boot; the device's place on its bus doesn't. */
function chipOf(folder: string, name: string): string {
  try {
    const device = realpathSync(join(folder, "device"));
    const bus = cleanName(basename(dirname(device)));
    const own = cleanName(basename(device));
    if (own !== "") return bus === "" ? own : `${bus}_${own}`;
  } catch {
    // A chip without a device has a name at least.
  }
  return name || cleanName(basename(folder));
}

function cleanName(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9:_]/g, "_")
    .replaceAll(/^_+|_+$/g, "");
}
