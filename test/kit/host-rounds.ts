/** Rounds of the agent over host sources, one after the other on a fake clock: what each source says, and the page it makes. */
import { createFrameBuilder } from "../../agent/sampler-frame.ts";
import {
  closeRunner,
  createRunner,
  isReady,
  startRound,
  type SourceState,
} from "../../agent/sampler-source.ts";
import type { Source } from "../../agent/sources/source.ts";
import type { HostPaths } from "../../core/kit/env.ts";
import { createExposition } from "../../core/wire/exposition.ts";
import { isPresent, labelsOf, type Frame } from "../../core/wire/frame.ts";
import { makeHostContext } from "../agent/sources/host/context.ts";
import { createFakeClock } from "./fake-clock.ts";

export interface SourceView {
  readonly state: SourceState | null;
  readonly reason: string;
  /** By name and labels. */
  readonly samples: ReadonlyMap<string, number>;
}

export interface HostView {
  readonly sources: ReadonlyMap<string, SourceView>;
  readonly page: string;
}

export interface HostRounds {
  /** Everything is read again, and after so long listed and opened anew as well. */
  round(laterMilliseconds?: number): Promise<HostView>;
  close(): void;
}

/** More than any source waits before it lists or opens again. */
const stepMilliseconds = 700_000;

export function startHostRounds(sources: readonly Source[], paths: HostPaths): HostRounds {
  const clock = createFakeClock();
  const context = makeHostContext({ paths, clock });
  const runners = sources.map((source) =>
    createRunner(source, {
      context,
      timeoutMilliseconds: 10_000,
      openTimeoutMilliseconds: 10_000,
      maximumSeries: 10_000,
      onStateChange: () => {},
    }),
  );
  const builder = createFrameBuilder({
    origin: { node: "node-1", job: "test", instance: "node-1", boot: "1" },
    host: context.host,
    clock,
    runners,
    readings: [],
  });
  const exposition = createExposition();
  return {
    async round(laterMilliseconds = stepMilliseconds) {
      await clock.advance(laterMilliseconds);
      for (const runner of runners) if (isReady(runner)) await startRound(runner);
      builder.compose();
      const page = exposition.render(builder.frame, "text").toString("utf8");
      const views = runners.map(({ source, state, reason }, index): [string, SourceView] => [
        source.name,
        { state, reason, samples: samplesOf(builder.frame, index + 1) },
      ]);
      return { sources: new Map(views), page };
    },
    close: () => runners.forEach((runner) => closeRunner(runner)),
  };
}

function samplesOf(frame: Frame, group: number): Map<string, number> {
  const { first, length } = frame.schema.groups[group] ?? { first: 0, length: 0 };
  const samples = new Map<string, number>();
  for (let slot = first; slot < first + length; slot += 1) {
    const series = frame.schema.series[slot];
    if (series && isPresent(frame.present, slot))
      samples.set(series.metric.name + JSON.stringify(labelsOf(series)), frame.values[slot] ?? 0);
  }
  return samples;
}
