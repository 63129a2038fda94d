/** Units in UCUM's case-sensitive codes (ucum.org), as OpenTelemetry asks for; what is missing here is a plain number. */
import type { Unit } from "./metric.ts";

export const unitCodes: Readonly<Partial<Record<Unit, string>>> = {
  seconds: "s",
  milliseconds: "ms",
  nanoseconds: "ns",
  bytes: "By",
  mebibytes: "MiBy",
  kibibytes: "KiBy",
  percent: "%",
  celsius: "Cel",
  watts: "W",
  joules: "J",
  millijoules: "mJ",
  hertz: "Hz",
  megahertz: "MHz",
  bytes_per_second: "By/s",
};
