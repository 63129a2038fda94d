/** What `warpwatch up` says once it runs: sources, first readings, addresses. */
import { isAwaited, type SourceStatus } from "../agent/sampler-source.ts";
import type { GpuOverview, NodeOverview } from "../collector/console/overview.ts";
import { row, type Terminal, type Tone } from "./terminal.ts";

export interface Findings {
  readonly version: string;
  readonly node: string;
  readonly sources: readonly SourceStatus[];
  readonly nodes: readonly NodeOverview[];
  readonly isSynthetic: boolean;
  readonly rules: number;
  readonly notifiers: readonly string[];
  /** Tells of each source why it isn't up. */
  readonly agentPage: string;
  readonly addresses: readonly { readonly title: string; readonly url: string }[];
}

const labelColumns = 12;
/** More GPUs than this are summed up. */
const listedGpus = 16;

export function reportText(found: Findings, terminal: Terminal): string {
  const title = terminal.paint("strong", `Warpwatch ${found.version}`);
  const what = found.isSynthetic ? "a synthetic fleet" : found.node;
  return [
    `${title} is watching ${what}`,
    section("Sources", terminal),
    ...sourceRows(found, terminal),
    section("First readings", terminal),
    ...readingRows(found, terminal),
    section("Judged and told", terminal),
    ...judgeRows(found, terminal),
    section("Addresses", terminal),
    ...found.addresses.map(({ title: label, url }) => `  ${label.padEnd(labelColumns)}  ${url}`),
    "",
    terminal.paint("faint", "Alerts show below as they fire and resolve. Ctrl-C stops."),
  ].join("\n");
}

function section(title: string, terminal: Terminal): string {
  return `\n${terminal.paint("strong", title)}`;
}

function namesOf(sources: readonly SourceStatus[]): string {
  return sources.map(({ name }) => name).join(", ");
}

function sourceRows(found: Findings, terminal: Terminal): string[] {
  const { sources } = found;
  const up = sources.filter(({ state }) => state === "up");
  const down = sources.filter((one) => one.state === "down" && !isAwaited(one));
  const absent = sources.filter(({ state }) => state === "absent");
  const awaited = sources.filter(isAwaited);
  const series = up.reduce((sum, source) => sum + source.series, 0);
  const line = (label: string, tone: Tone, text: string): string =>
    row(label, text, {
      labelColumns,
      columns: terminal.columns,
      paintLabel: (plain) => terminal.paint(tone, plain),
    });
  return [
    line("up", "good", `${namesOf(up)} (${series} series)`),
    ...down.map(({ name, reason }) => line("down", "bad", `${name}: ${reason}`)),
    ...(awaited.length === 0 ? [] : [line("awaited", "faint", namesOf(awaited))]),
    ...(absent.length === 0
      ? []
      : [line("absent", "faint", `${namesOf(absent)}; why: ${found.agentPage}`)]),
  ];
}

function readingRows(found: Findings, terminal: Terminal): string[] {
  const { sources, isSynthetic } = found;
  // A node that an earlier run knew may be listed too.
  const nodes = found.nodes.filter(({ state }) => state === "up");
  const node = nodes.find((one) => one.node === found.node);
  const gpus = nodes.flatMap((one) => one.gpus);
  const line = (label: string, text: string): string =>
    row(label, text, { labelColumns, columns: terminal.columns });
  const filesystem = node?.fullestFilesystem;
  const rows = [
    line("processors", share(node?.cpuBusyRatio, "busy")),
    line("memory", share(node?.memoryUsedRatio, "used")),
    line(
      "filesystems",
      filesystem
        ? `fullest is ${filesystem.mountpoint}, ${percent(filesystem.usedRatio)} full`
        : "none read yet",
    ),
  ];
  if (gpus.length === 0) rows.push(line("GPUs", noGpuSentence(sources)));
  else {
    const models = [...new Set(gpus.map(({ model }) => model))].join(", ");
    const where = nodes.length > 1 ? ` on ${nodes.length} nodes` : "";
    rows.push(line("GPUs", `${gpus.length} × ${models}${where}`));
    if (gpus.length <= listedGpus)
      for (const one of nodes)
        for (const gpu of one.gpus)
          rows.push(gpuRow(nodes.length > 1 ? `${one.node} ${gpu.name}` : gpu.name, gpu, terminal));
  }
  if (isSynthetic)
    rows.push(line("", "Nothing here is measured: the readings come from a model of a fleet."));
  return rows;
}

/** A source that is absent tells no more than these do: the driver's interfaces, not what is built upon them. */
const waysToGpus = new Set(["nvml", "nvidia_smi", "amdgpu", "intel_gpu", "tpu"]);

function noGpuSentence(sources: readonly SourceStatus[]): string {
  const reasons = sources
    .filter(({ name, state }) => state !== "up" && waysToGpus.has(name))
    .map(({ reason }) => reason);
  const why = reasons.length === 0 ? "" : ` (${[...new Set(reasons)].join("; ")})`;
  return `none found${why}. To see what a GPU node looks like: npm start -- --synthetic`;
}

function gpuRow(name: string, gpu: GpuOverview, terminal: Terminal): string {
  const tones: Readonly<Record<GpuOverview["state"], Tone>> = {
    ok: "good",
    warning: "caution",
    critical: "bad",
    lost: "bad",
    unknown: "faint",
  };
  const cell = (value: number | null, unit: string, width: number): string =>
    (value === null ? "–" : `${Math.round(value)} ${unit}`).padStart(width);
  const cells = [
    cell(ratioToPercent(gpu.utilisationRatio), "%", 6),
    cell(gpu.temperatureCelsius, "°C", 7),
    cell(gpu.powerWatts, "W", 6),
    `memory ${cell(ratioToPercent(gpu.memoryRatio), "%", 5)}`,
  ];
  const state = terminal.paint(tones[gpu.state], gpu.state.padEnd(8));
  return `  ${"".padEnd(labelColumns)}  ${name.padEnd(6)} ${state} ${cells.join("  ")}`;
}

function judgeRows({ rules, notifiers }: Findings, terminal: Terminal): string[] {
  const line = (label: string, text: string): string =>
    row(label, text, { labelColumns, columns: terminal.columns });
  return [
    line("rules", `${rules}, judged on every frame`),
    line(
      "notifiers",
      notifiers.length > 0
        ? notifiers.join(", ")
        : "none: alerts show here and in the console only; --config.file names a file with PagerDuty, Alertmanager or a webhook",
    ),
  ];
}

function share(ratio: number | null | undefined, word: string): string {
  return ratio === null || ratio === undefined ? "not read yet" : `${percent(ratio)} ${word}`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`;
}

function ratioToPercent(ratio: number | null): number | null {
  return ratio === null ? null : ratio * 100;
}
