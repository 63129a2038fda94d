/** Who is expected: the fleet with its store and its file. */
import { describeError } from "../../core/kit/errors.ts";
import type { FrameSink } from "../../core/wire/frame.ts";
import { watchFleetFile } from "../fleet/file.ts";
import { createFleet, type Fleet } from "../fleet/fleet.ts";
import { watchFleetCluster } from "../fleet/kubernetes.ts";
import type { AuditEntry } from "../state/audit.ts";
import type { State } from "../state/open.ts";
import type { Judges } from "./judges.ts";
import type { CollectorOptions } from "./options.ts";

/** What the keyed store knows the fleet by. */
const fleetKey = "fleet";

interface OpenedFleet {
  readonly fleet: Fleet;
  /** The audit log's entry of what the fleet does next, on disk together with it; null takes it back. */
  readonly announceAction: (entry: AuditEntry | null) => void;
}

export function openFleet(
  { env, log, config }: CollectorOptions,
  state: State,
  { engine, learned, places }: Judges,
  sink: FrameSink,
  boot: string,
): OpenedFleet {
  let announced: AuditEntry | null = null;
  const { goneMilliseconds, maximumNodes } = config.fleet;
  const fleet = createFleet({
    clock: env.clock,
    log,
    store: {
      load: () => state.keyed.load(fleetKey),
      save(record) {
        state.transaction(() => {
          state.keyed.save(fleetKey, record);
          if (announced) state.audit.record(announced);
        });
        announced = null;
      },
    },
    sink,
    boot,
    goneMilliseconds,
    maximumNodes,
    places,
    cluster: config.fleet.kubernetes?.expect,
    onRemoved(node, device) {
      learned.remove(node, device);
      engine.endRemoved(node, device);
    },
  });
  return { fleet, announceAction: (entry) => void (announced = entry) };
}

export interface FollowedFleet {
  /** Looks at what file and cluster say now. */
  refresh(): void;
  stop(): void;
}

/** A file that can't be used is told once, and what it said before stays; so does what the cluster said. */
export function followFleet(
  { env, log, config }: CollectorOptions,
  fleet: Fleet,
  boot: string,
): FollowedFleet {
  const { file, kubernetes } = config.fleet;
  const watched = file === "" ? null : watchFleetFile(file);
  const cluster =
    kubernetes &&
    watchFleetCluster(kubernetes, {
      clock: env.clock,
      jitter: boot,
      onError: (sentence) => log.error(`the cluster's nodes are unknown: ${sentence}`),
    });
  return {
    refresh() {
      try {
        const content = watched?.read();
        if (content) fleet.applyFile(content);
      } catch (thrown) {
        log.error(`the fleet file can't be used: ${describeError(thrown)}`);
      }
      const nodes = cluster?.read();
      if (nodes) fleet.applyCluster(nodes);
    },
    stop: () => cluster?.stop(),
  };
}
