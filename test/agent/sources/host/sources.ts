/** A host source by its name, as the agent's list has it. */
import { hostSources } from "../../../../agent/sources/host/all.ts";
import type { Source } from "../../../../agent/sources/source.ts";

export function sourceNamed(name: string): Source {
  const found = hostSources.find((source) => source.name === name);
  if (!found) throw new Error(`no host source is called ${name}`);
  return found;
}
