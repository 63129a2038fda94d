/** What the forecast detector watches, and the limits it looks ahead to. */
import { value, type Selection } from "../../../alerts/expression.ts";
import { filesystem, gpu } from "../../../core/catalog/index.ts";

export interface LimitWatch {
  /** Stable: what was learned is kept under it. */
  readonly name: string;
  readonly of: Selection;
  readonly by: readonly string[];
  readonly limit: number;
  /** Watched only where the same device doesn't report this: it would say the same less well. */
  readonly unless?: Selection;
  /** What moves it by right: a trend counts only where this doesn't explain it. */
  readonly driver?: Selection;
  /** Reaching the limit later than this is nobody's business yet. */
  readonly horizonMilliseconds: number;
  /** A trend is believed this many times as far ahead as the past it was seen in. */
  readonly reach: number;
  /** A trend that moved it by less says nothing yet. */
  readonly leastChange: number;
  readonly unit: string;
  readonly title: string;
  /** What is said of reaching it. */
  readonly verb: string;
}

const hour = 3_600_000;
const day = 24 * hour;
const images = { fstype: { excludes: /squashfs|erofs|iso9660|ramfs|efivarfs/ } };
const perGpu = ["gpu", "UUID"];

export const limitWatches: readonly LimitWatch[] = [
  {
    name: "filesystem_available",
    of: value(filesystem.available, images),
    by: ["device", "mountpoint", "fstype"],
    limit: 0,
    horizonMilliseconds: 7 * day,
    reach: 24,
    leastChange: 0,
    unit: "bytes",
    title: "free space",
    verb: "is full",
  },
  {
    name: "gpu_temperature_margin",
    of: value(gpu.temperatureMargin),
    driver: value(gpu.powerUsage),
    by: perGpu,
    limit: 0,
    horizonMilliseconds: hour,
    reach: 6,
    leastChange: 5,
    unit: "°C",
    title: "distance to the temperature limit",
    verb: "slows itself down",
  },
  {
    name: "gpu_temperature",
    of: value(gpu.temperature),
    driver: value(gpu.powerUsage),
    by: perGpu,
    // A little under where NVIDIA's data-centre GPUs slow down; those that say their margin don't need it.
    limit: 90,
    unless: value(gpu.temperatureMargin),
    horizonMilliseconds: hour,
    reach: 6,
    leastChange: 5,
    unit: "°C",
    title: "temperature",
    verb: "slows itself down",
  },
];
