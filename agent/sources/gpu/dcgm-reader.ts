/** Reads one set of DCGM's values for the sampler, and reports what the health watches find. */
import {
  gpuHealthSystems,
  healthErrorName,
  switchHealthSystems,
} from "../../../core/catalog/dcgm-health.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { entityGroups } from "../../probes/dcgm/layouts.ts";
import type { Incident, ReadingSet } from "../../probes/dcgm/messages.ts";
import type { Reader, SourceContext } from "../source.ts";
import {
  registerHealth,
  registerInfo,
  registerValues,
  type Cell,
  type HealthCell,
} from "./dcgm-cells.ts";
import type { Choice } from "./dcgm-choice.ts";
import { identitiesOf, instancesOf, switchName, whoseOf } from "./dcgm-series.ts";
import type { DcgmSession } from "./dcgm-session.ts";
import type { ServedSeries } from "./served-series.ts";

/** What every reader reads from: one host engine, one choice of fields. */
export interface DcgmReading {
  readonly session: DcgmSession;
  readonly choice: () => Choice;
}

const good = 0;

export function createDcgmReader(
  context: SourceContext,
  { session, choice }: DcgmReading,
  served: ServedSeries,
  set: ReadingSet,
): Reader {
  const { env, gpus, host } = context;
  let cells: Cell[] = [];
  let healthCells: HealthCell[] = [];
  let infoSlots: number[] = [];
  let registered = "";
  let reported = new Set<string>();

  function register(slots: SlotRegistrar): void {
    const identities = identitiesOf(session.entities, env.node, gpus);
    gpus.tell("dcgm", [...identities.values()], instancesOf(session.entities, identities));
    registered = stamp();
    const everyone = session.entities.map((entity) =>
      whoseOf(entity, identities, env.node, host.place),
    );
    cells = registerValues(slots, session, set, everyone, choice(), served);
    infoSlots = set === "fast" ? registerInfo(slots, everyone, served) : [];
    healthCells =
      set === "steady" ? registerHealth(slots, context, session.incidents, everyone) : [];
  }

  /** What the registered series hang on. */
  function stamp(): string {
    return `${session.version} ${choice().revision} ${served.revision} ${gpus.revision}`;
  }

  function reportIncidents(): void {
    const now = new Set<string>();
    for (const { group, id, system, health, errorCode, text } of session.incidents ?? []) {
      const key = [group, id, system, errorCode].join(" ");
      now.add(key);
      if (!reported.has(key)) report({ group, id, system, health, errorCode, text });
    }
    reported = now;
  }

  function report({ group, id, system, health, errorCode, text }: Incident): void {
    const identities = identitiesOf(session.entities, env.node, gpus);
    const device = group === entityGroups.gpu ? (identities.get(id)?.uuid ?? "") : switchName(id);
    const name = gpuHealthSystems.get(system) ?? switchHealthSystems.get(system) ?? String(system);
    context.events.report({
      timeMilliseconds: env.clock.now(),
      kind: "gpu_driver",
      device,
      text: `DCGM's health watch: ${text}`,
      fields: { system: name, health: String(health), error: healthErrorName(errorCode) },
    });
  }

  return {
    register,
    async read(column) {
      await session.round(set);
      if (set === "steady") reportIncidents();
      if (stamp() !== registered) return "changed";
      const values = session.columns[set];
      for (const { position, slot, convert } of cells)
        column[slot] = convert(values[position] ?? Number.NaN);
      for (const slot of infoSlots) column[slot] = 1;
      const { incidents } = session;
      if (incidents)
        for (const { slot, incident } of healthCells)
          column[slot] = incident(incidents)?.health ?? good;
      return undefined;
    },
    close() {
      // The session outlives its readers: a host engine that comes back is asked for the same.
    },
  };
}
