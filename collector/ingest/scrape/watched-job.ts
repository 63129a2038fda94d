/** One job's targets: those the configuration lists, and those its discoveries find, relabelled. */
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { Discovery } from "./discovery.ts";
import { createDnsDiscovery, type DnsQuery } from "./dns.ts";
import { createFileDiscovery } from "./file-discovery.ts";
import { createKubernetesDiscovery, type KubernetesQuery } from "./kubernetes.ts";
import { makeTarget, type ScrapeJob, type Target, type TargetGroup } from "./target.ts";

export interface JobConfig extends ScrapeJob {
  readonly groups: readonly TargetGroup[];
  readonly files: readonly string[];
  readonly dns?: readonly DnsQuery[] | undefined;
  readonly kubernetes?: readonly KubernetesQuery[] | undefined;
  /** With more targets than this none is scraped: a selector that matches too much is a mistake. */
  readonly targetLimit?: number | undefined;
}

export interface WatchedJob {
  readonly targets: readonly Target[];
  /** True when the targets may have changed. */
  refresh(): boolean;
  errors(): string[];
  stop(): void;
}

export interface JobWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** A hexadecimal id. */
  readonly jitter: string;
  readonly onError: () => void;
}

export function watchJob(job: JobConfig, options: JobWatchOptions): WatchedJob {
  const { clock, log, jitter } = options;
  const tell = (sentence: string): void => {
    options.onError();
    log.error(`job ${job.name}: ${sentence}`);
  };
  const found: { readonly discovery: Discovery; groups: readonly TargetGroup[] }[] = [
    createFileDiscovery({ patterns: job.files, onError: tell }),
    ...(job.dns ?? []).map((query) => createDnsDiscovery(query, clock, tell)),
    ...(job.kubernetes ?? []).map((query) =>
      createKubernetesDiscovery(query, { clock, jitter, onError: tell }),
    ),
  ].map((discovery) => ({ discovery, groups: [] }));
  let targets: readonly Target[] = [];
  let wrong: string[] = [];
  let first = true;

  function make(address: string, { labels }: TargetGroup): Target[] {
    try {
      const target = makeTarget(job, address, labels);
      return target === null ? [] : [target];
    } catch (thrown) {
      wrong.push(`job ${job.name}: ${describeError(thrown)}`);
      return [];
    }
  }

  return {
    get targets() {
      return targets;
    },
    refresh() {
      let changed = first;
      first = false;
      for (const one of found) {
        const groups = one.discovery.read();
        if (groups === null) continue;
        one.groups = groups;
        changed = true;
      }
      if (!changed) return false;
      wrong = [];
      const groups = [...job.groups, ...found.flatMap((one) => one.groups)];
      targets = groups.flatMap((group) => group.targets.flatMap((one) => make(one, group)));
      const limit = job.targetLimit ?? Infinity;
      if (targets.length > limit) {
        wrong.push(
          `job ${job.name}: it has ${targets.length} targets, and target_limit is ${limit}: none is scraped`,
        );
        targets = [];
      }
      for (const sentence of wrong) log.error(sentence);
      return true;
    },
    errors: () => [...found.flatMap(({ discovery }) => discovery.errors()), ...wrong],
    stop: () => found.forEach(({ discovery }) => discovery.stop()),
  };
}
