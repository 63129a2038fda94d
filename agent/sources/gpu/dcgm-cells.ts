/** Which series DCGM's values and health incidents become, and where each is written. */
import { gpuHealth, switchHealth } from "../../../core/catalog/dcgm.ts";
import {
  gpuHealthSystems,
  healthErrorName,
  switchHealthSystems,
} from "../../../core/catalog/dcgm-health.ts";
import { dcgmLabels, gpuDevice, gpuLabels } from "../../../core/catalog/gpu-labels.ts";
import { info } from "../../../core/catalog/gpu.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { entityGroups } from "../../probes/dcgm/layouts.ts";
import type { Incident, ReadingSet } from "../../probes/dcgm/messages.ts";
import type { SourceContext } from "../source.ts";
import { knownMetric, type Choice } from "./dcgm-choice.ts";
import { switchName, type Whose } from "./dcgm-series.ts";
import { identityFields, type DcgmSession } from "./dcgm-session.ts";
import { neutralTwinOf } from "./neutral-twins.ts";
import type { ServedSeries } from "./served-series.ts";

export interface Cell {
  /** In the set's column. */
  readonly position: number;
  readonly slot: number;
  readonly convert: (value: number) => number;
}

export interface HealthCell {
  readonly slot: number;
  readonly incident: (incidents: readonly Incident[]) => Incident | undefined;
}

export function registerValues(
  slots: SlotRegistrar,
  session: DcgmSession,
  set: ReadingSet,
  everyone: readonly (Whose | null)[],
  choice: Choice,
  served: ServedSeries,
): Cell[] {
  const byId = new Map(choice.values.map((field) => [field.id, field]));
  const cells: Cell[] = [];
  let start = 0;
  everyone.forEach((whose, index) => {
    const ids = session.fields[set][index] ?? [];
    ids.forEach((id, offset) => {
      const field = byId.get(id);
      const position = start + offset;
      if (!field || !whose || !session.seen[set].has(position)) return;
      if (whose.gpu && served.has(field.name, whose.gpu.uuid, whose.instance)) return;
      const metric = choice.metricOf(field, whose.entity.group);
      const slot = slots.slot(metric, labelsFor(metric, whose, choice), whose.device);
      cells.push({ position, slot, convert: (value) => value });
      const twin = twinOf(field.name, whose, served);
      if (!twin) return;
      const labels = { ...gpuLabels(twin.gpu), ...twin.extraLabels };
      cells.push({
        position,
        slot: slots.slot(twin.metric, labels, whose.device),
        convert: twin.convert,
      });
    });
    start += ids.length;
  });
  return cells;
}

/** What all makes of GPUs share, of a whole GPU. */
function twinOf(name: string, { entity, gpu }: Whose, served: ServedSeries) {
  const metric = knownMetric(name);
  const twin = metric && neutralTwinOf(metric);
  const isOfAGpu = gpu !== null && entity.group === entityGroups.gpu;
  return twin && isOfAGpu && !served.has(twin.metric.name, gpu.uuid, "")
    ? { ...twin, gpu }
    : undefined;
}

/** Always 1 while the host engine answers. */
export function registerInfo(
  slots: SlotRegistrar,
  everyone: readonly (Whose | null)[],
  served: ServedSeries,
): number[] {
  return everyone.flatMap((whose) => {
    if (!whose?.gpu || whose.entity.group !== entityGroups.gpu) return [];
    const { gpu, entity, device } = whose;
    if (served.has(info.name, gpu.uuid, "")) return [];
    const facts = {
      ...gpuLabels(gpu),
      pci_bus_id: gpu.pciBusId,
      model: gpu.model,
      serial: entity.facts[identityFields.serial] ?? "",
      driver_version: gpu.driverVersion,
      vbios_version: entity.facts[identityFields.vbios] ?? "",
    };
    return [slots.slot(info, facts, device)];
  });
}

function labelsFor(metric: Metric, whose: Whose, choice: Choice): Record<string, string> {
  const facts = choice.labels.map(({ id, name }) => [name, whose.entity.facts[id] ?? ""]);
  const all: Record<string, string> = { ...whose.labels, ...Object.fromEntries(facts) };
  return Object.fromEntries(metric.labels.map((name) => [name, all[name] ?? ""]));
}

export function registerHealth(
  slots: SlotRegistrar,
  { host }: SourceContext,
  incidents: readonly Incident[] | null,
  everyone: readonly (Whose | null)[],
): HealthCell[] {
  if (incidents === null) return [];
  const cells: HealthCell[] = [];
  for (const whose of everyone) {
    if (!whose) continue;
    const { group, id } = whose.entity;
    const worst = (system: number) => (found: readonly Incident[]) =>
      found
        .filter((each) => each.group === group && each.id === id && each.system === system)
        .toSorted((one, other) => other.health - one.health)[0];
    if (group === entityGroups.gpu && whose.gpu)
      for (const [system, name] of gpuHealthSystems) {
        const code = healthErrorName(worst(system)(incidents)?.errorCode ?? 0);
        const labels = { ...dcgmLabels(whose.gpu), health_watch: name, health_error_code: code };
        const device = gpuDevice(whose.gpu, host.place);
        cells.push({ slot: slots.slot(gpuHealth, labels, device), incident: worst(system) });
      }
    if (group === entityGroups.switch)
      for (const [system, name] of switchHealthSystems) {
        const labels = { nvswitch: switchName(id), system: name };
        cells.push({ slot: slots.slot(switchHealth, labels), incident: worst(system) });
      }
  }
  return cells;
}
