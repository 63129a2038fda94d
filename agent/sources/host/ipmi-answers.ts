/** What a BMC answers to single questions, as samples; the positions are those of IPMI 2.0 and DCMI 1.5 after the completion code. */
import {
  bmcChassisFault,
  bmcChassisOn,
  bmcCurrent,
  bmcEvents,
  bmcEventsLost,
  bmcEventSpace,
  bmcFanSpeed,
  bmcInfo,
  bmcPower,
  bmcPowerSupply,
  bmcSeverity,
  bmcShare,
  bmcSystemPower,
  bmcTemperature,
  bmcVoltage,
} from "../../../core/catalog/ipmi.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { Sensor } from "./ipmi-records.ts";
import { sample, type SweptSample } from "./sweep-reader.ts";

type SensorMetric = Metric<"sensor" | "index" | "part">;

interface Unit {
  readonly metric: SensorMetric;
  readonly toBase: (value: number) => number;
}

const same = (value: number): number => value;
/** By the specification's numbers. */
const units: Readonly<Record<number, Unit>> = {
  1: { metric: bmcTemperature, toBase: same },
  2: { metric: bmcTemperature, toBase: (fahrenheit) => ((fahrenheit - 32) * 5) / 9 },
  3: { metric: bmcTemperature, toBase: (kelvin) => kelvin - 273.15 },
  4: { metric: bmcVoltage, toBase: same },
  5: { metric: bmcCurrent, toBase: same },
  6: { metric: bmcPower, toBase: same },
  18: { metric: bmcFanSpeed, toBase: same },
};
const percentage: Unit = { metric: bmcShare, toBase: (percent) => percent / 100 };

const thresholdReading = 0x01;
const sensorSpecificReading = 0x6f;
const powerSupplyType = 0x08;
/** By the bits of a power supply's sensor, the lowest first. */
const powerSupplyStates = [
  "present",
  "failed",
  "failure_predicted",
  "input_lost",
  "input_lost_or_out_of_range",
  "input_out_of_range",
  "misconfigured",
  "inactive",
] as const;

/** Whether anything is told of such a sensor. */
export function isWanted(sensor: Sensor): boolean {
  const isMeasured = sensor.readingType === thresholdReading && unitOf(sensor) !== undefined;
  return sensor.isOwn && (isPowerSupply(sensor) || isMeasured);
}

/** Empty where the sensor has no reading now. */
export function sensorSamples(sensor: Sensor, answer: Uint8Array): SweptSample[] {
  const [raw = 0, flags = 0, states = 0] = answer;
  const isScanned = (flags & 0x40) !== 0;
  const isAvailable = (flags & 0x20) === 0;
  if (answer.length < 2 || !isScanned || !isAvailable) return [];
  const labels = {
    sensor: sensor.name,
    index: sensor.lun === 0 ? String(sensor.number) : `${sensor.lun}.${sensor.number}`,
    part: sensor.part,
  };
  if (isPowerSupply(sensor))
    return answer.length < 3
      ? []
      : powerSupplyStates.map((state, bit) =>
          sample(bmcPowerSupply, { ...labels, state }, (states >> bit) & 1),
        );
  const unit = unitOf(sensor);
  const value = unit && sensor.convert ? unit.toBase(sensor.convert(raw)) : Number.NaN;
  const told = unit && Number.isFinite(value) ? [sample(unit.metric, labels, value)] : [];
  return answer.length < 3 ? told : [...told, sample(bmcSeverity, labels, severityOf(states))];
}

/** Bits: below or above the non-critical, the critical and the non-recoverable threshold. */
function severityOf(states: number): number {
  if ((states & 0b10_0100) !== 0) return 3;
  if ((states & 0b01_0010) !== 0) return 2;
  return (states & 0b00_1001) === 0 ? 0 : 1;
}

function isPowerSupply({ type, readingType }: Sensor): boolean {
  return type === powerSupplyType && readingType === sensorSpecificReading;
}

function unitOf({ isPercentage, unit, convert }: Sensor): Unit | undefined {
  if (convert === null) return undefined;
  return isPercentage ? percentage : units[unit];
}

/** Get Device ID. */
export function identitySamples(answer: Uint8Array): SweptSample[] {
  if (answer.length < 11) return [];
  const view = viewOf(answer);
  const version = view.getUint8(4);
  const labels = {
    manufacturer: String(view.getUint16(6, true) | ((view.getUint8(8) & 0x0f) << 16)),
    model: String(view.getUint16(9, true)),
    // The minor number is in decimal digits, one per half of the byte.
    firmware: `${view.getUint8(2) & 0x7f}.${view.getUint8(3).toString(16).padStart(2, "0")}`,
    version: `${version & 0x0f}.${version >> 4}`,
  };
  return [sample(bmcInfo, labels, 1)];
}

const powerFaults = { 1: "power_overload", 3: "power_fault", 4: "power_control_fault" } as const;
const otherFaults = { 0: "intrusion", 2: "drive_fault", 3: "cooling_fault" } as const;

/** Get Chassis Status. */
export function chassisSamples(answer: Uint8Array): SweptSample[] {
  const [power, , other] = answer;
  if (power === undefined || other === undefined) return [];
  const faults = (byte: number, names: Readonly<Record<number, string>>): SweptSample[] =>
    Object.entries(names).map(([bit, reason]) =>
      sample(bmcChassisFault, { reason }, (byte >> Number(bit)) & 1),
    );
  return [
    sample(bmcChassisOn, {}, power & 1),
    ...faults(power, powerFaults),
    ...faults(other, otherFaults),
  ];
}

/** Get SEL Info. */
export function eventLogSamples(answer: Uint8Array): SweptSample[] {
  if (answer.length < 14) return [];
  const view = viewOf(answer);
  return [
    sample(bmcEvents, {}, view.getUint16(1, true)),
    sample(bmcEventSpace, {}, view.getUint16(3, true)),
    sample(bmcEventsLost, {}, view.getUint8(13) >> 7),
  ];
}

/** DCMI's Get Power Reading; the first byte is DCMI's own. */
export function systemPowerSamples(answer: Uint8Array): SweptSample[] {
  const measures = 0x40;
  if (answer.length < 18 || ((answer[17] ?? 0) & measures) === 0) return [];
  const view = viewOf(answer);
  return ["current", "minimum", "maximum", "average"].map((kind, index) =>
    sample(bmcSystemPower, { kind }, view.getUint16(1 + 2 * index, true)),
  );
}

function viewOf(answer: Uint8Array): DataView {
  return new DataView(answer.buffer, answer.byteOffset, answer.length);
}
