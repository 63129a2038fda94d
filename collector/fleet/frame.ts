/** The fleet's own frame: nodes up, GPUs expected and present; the schema is made anew only when the members change. */
import { fleet } from "../../core/catalog/index.ts";
import {
  setPresent,
  type Frame,
  type FrameSink,
  type Origin,
  type Schema,
} from "../../core/wire/frame.ts";
import { createSeriesList } from "../../core/wire/slots.ts";
import type { KnownGpu } from "./member.ts";
import { noPlace, type NodePlace } from "./place.ts";

export interface NodeReport {
  readonly node: string;
  /** null while it has not been waited for long enough. */
  readonly up: 0 | 1 | null;
  /** Its newest samples are no older than two periods. */
  readonly fresh: boolean;
  readonly expected: number;
  readonly present: ReadonlyMap<string, KnownGpu> | null;
  readonly learned: ReadonlyMap<string, KnownGpu>;
  readonly place: NodePlace;
}

export interface FleetFrames {
  send(reports: readonly NodeReport[], timeMilliseconds: number): void;
  last(this: void): Frame | null;
}

export function createFleetFrames(origin: Origin, sink: FrameSink): FleetFrames {
  let schema: Schema = { origin, version: 0, groups: [], series: [] };
  let shape = "";
  let sequence = 0;
  let last: Frame | null = null;
  const checks = { fresh: 0, stale: 0 };

  return {
    last: () => last,
    send(reports, time) {
      for (const { up, fresh } of reports) if (up !== null) checks[fresh ? "fresh" : "stale"] += 1;
      const samples = [...reports.flatMap(samplesOf), ...counted(checks)];
      const now = samples.map(({ key }) => key).join("\n");
      if (now !== shape) {
        schema = buildSchema(samples, origin, schema.version + 1);
        shape = now;
      }
      const values = Float64Array.from(samples, ({ value }) => value ?? Number.NaN);
      const present = new Uint8Array(Math.ceil(samples.length / 8));
      samples.forEach(({ value }, slot) => {
        if (value !== null) setPresent(present, slot);
      });
      sequence += 1;
      const timestamps = Float64Array.of(time);
      last = { schema, sequence, timestamps, values, present, complete: true };
      sink.accept(last);
    },
  };
}

interface Sample {
  /** Tells its series from every other. */
  readonly key: string;
  readonly value: number | null;
  readonly node: string;
  readonly subject: "up" | "expected" | "present" | "fresh" | "stale" | "info" | KnownGpu;
  readonly place?: NodePlace;
}

function samplesOf({ node, up, expected, present, learned, place }: NodeReport): Sample[] {
  const samples: Sample[] = [{ key: `${node} up`, value: up, node, subject: "up" }];
  if (place !== noPlace)
    samples.push({
      key: `${node} ${Object.values(place).join("\u0000")}`,
      value: 1,
      node,
      subject: "info",
      place,
    });
  // A node that has no GPUs and should have none says nothing of them.
  if (expected === 0 && learned.size === 0) return samples;
  samples.push({ key: `${node} expected`, value: expected, node, subject: "expected" });
  samples.push({ key: `${node} present`, value: present?.size ?? null, node, subject: "present" });
  for (const gpu of learned.values()) {
    const value = present === null ? null : present.has(gpu.id) ? 1 : 0;
    samples.push({ key: `${node} ${gpu.id} ${gpu.index}`, value, node, subject: gpu });
  }
  return samples;
}

/** Of the fleet as a whole: no node's. */
function counted(checks: Readonly<Record<"fresh" | "stale", number>>): Sample[] {
  return (["fresh", "stale"] as const).map((subject) => ({
    key: subject,
    value: checks[subject],
    node: "",
    subject,
  }));
}

function buildSchema(samples: readonly Sample[], origin: Origin, version: number): Schema {
  const list = createSeriesList(samples.length);
  for (const { node, subject, place = noPlace } of samples)
    if (subject === "up") list.slot(fleet.nodeUp, { node });
    else if (subject === "expected") list.slot(fleet.gpusExpected, { node });
    else if (subject === "present") list.slot(fleet.gpusPresent, { node });
    else if (subject === "fresh" || subject === "stale")
      list.slot(fleet.nodeChecks, { outcome: subject });
    else if (subject === "info") list.slot(fleet.nodeInfo, infoLabels(node, place));
    else list.slot(fleet.devicePresent, { node, gpu: subject.index, UUID: subject.id });
  const { series } = list;
  return {
    origin,
    version,
    groups: [{ source: "fleet", first: 0, length: series.length }],
    series,
  };
}

function infoLabels(node: string, place: NodePlace) {
  const { cluster, region, zone, rack, chassis, slot, instanceType, gpuProduct, gpuClique } = place;
  return {
    node,
    cluster,
    region,
    zone,
    rack,
    chassis,
    slot,
    instance_type: instanceType,
    modelName: gpuProduct,
    clique: gpuClique,
  };
}
