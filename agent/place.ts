/** The file that says where the node stands: cluster, region, rack, chassis, slot. */
import { z } from "zod";
import type { Place } from "../core/catalog/device.ts";
import { loadConfigFile } from "../core/kit/config.ts";

const name = z.string().max(200).default("");
const placeSchema = z.strictObject({
  cluster: name,
  region: name,
  rack: name,
  chassis: name,
  slot: name,
});

/** Throws a ConfigError that names file, line and key. */
export function loadPlace(file: string): Place {
  return loadConfigFile<Place>(file, placeSchema);
}
