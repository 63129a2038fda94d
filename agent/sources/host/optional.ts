/** The host's sources that are read only when a flag asks for them (`--collector.<name>`): an explicit list, one line each. */
import type { Source } from "../source.ts";
import type { HostOptions } from "./options.ts";

/** The options are the operator's choice; a source that takes some gets its own part: `createSlabinfoSource(options.slabinfo)`. */
export function createOptionalSources(_options: HostOptions): Source[] {
  return [];
}
