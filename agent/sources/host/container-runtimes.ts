/**
 * Whether what starts containers answers: containerd and cri-o by RuntimeService.Status of the Container Runtime Interface
 * (k8s.io/cri-api), docker by GET /_ping of its Engine API, the kubelet by its /healthz.
 */
import { accessSync, constants } from "node:fs";
import type { RequestOptions } from "node:http";
import { join } from "node:path";
import { runtimeCondition, runtimeResponse, runtimeUp } from "../../../core/catalog/gpu-stack.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError, systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import { callGrpc } from "../../../core/kit/grpc-call.ts";
import { readFields, readText } from "../../../core/wire/protobuf.ts";
import type { Source } from "../source.ts";
import { openSnapshotReader, type Snapshot } from "./snapshot-reader.ts";

type Conditions = ReadonlyMap<string, boolean>;

interface Runtime {
  readonly name: string;
  /** What has to be there, and whether this user has to be allowed to write to it: a socket is connected to by writing. */
  readonly mark: string;
  readonly isSocket: boolean;
  /** Its conditions, where it tells some; null where it isn't there after all. Throws where it doesn't answer or isn't well. */
  ask(signal: AbortSignal): Promise<Conditions | null>;
}

interface Health {
  readonly name: string;
  readonly isUp: boolean;
  readonly seconds: number;
  readonly conditions: Conditions;
}

const timeoutMilliseconds = 2000;
/** A status with every detail has tens of kilobytes; we ask for none. */
const maximumBytes = 256 * 1024;
const maximumConditions = 16;
/** gRPC's status code for a service that isn't there. */
const unimplemented = /: status 12\b/;
const kubeletPort = 10_248;

const noConditions: Conditions = new Map();

export function createContainerRuntimesSource(port: number = kubeletPort): Source {
  /** What was last said of each: a change is a line in the log, not every round or every opening. */
  const told = new Map<string, string>();
  return {
    name: "container_runtimes",
    metrics: [runtimeUp, runtimeResponse, runtimeCondition],
    sampling: "steady",
    open({ env, log }, signal) {
      const under = (path: string): string => join(env.paths.rootfs, path);
      const runtimes: readonly Runtime[] = [
        criRuntime("containerd", under("run/containerd/containerd.sock")),
        criRuntime("crio", under("run/crio/crio.sock")),
        httpRuntime("docker", under("run/docker.sock"), {
          socketPath: under("run/docker.sock"),
          path: "/_ping",
        }),
        onceAnswered(
          httpRuntime("kubelet", under("var/lib/kubelet"), {
            host: "127.0.0.1",
            port,
            path: "/healthz",
          }),
        ),
      ];
      const tell = (name: string, reason: string): void => {
        if (reason !== "" && told.get(name) !== reason)
          log.warn("a container runtime isn't healthy, or can't be asked", {
            runtime: name,
            reason,
          });
        told.set(name, reason);
      };
      return openSnapshotReader(
        {
          ask: (askSignal) => askAll(runtimes, { clock: env.clock, tell, signal: askSignal }),
          absent: `no socket of containerd, cri-o or docker that this user may ask is under ${under("run")}, and no kubelet answers`,
        },
        signal,
      );
    },
  };
}

async function askAll(
  runtimes: readonly Runtime[],
  options: {
    readonly clock: Clock;
    readonly tell: (name: string, reason: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<Snapshot> {
  const { clock, tell, signal } = options;
  const there = runtimes.filter((runtime) => canBeAsked(runtime, tell));
  const found = await Promise.all(
    there.map(async (runtime): Promise<Health[]> => {
      const { name } = runtime;
      const startedAt = clock.monotonic();
      const seconds = (): number => (clock.monotonic() - startedAt) / 1000;
      try {
        const conditions = await runtime.ask(signal);
        tell(name, "");
        return conditions === null ? [] : [{ name, isUp: true, seconds: seconds(), conditions }];
      } catch (error) {
        tell(name, describeError(error));
        return [{ name, isUp: false, seconds: seconds(), conditions: noConditions }];
      }
    }),
  );
  signal.throwIfAborted();
  return (add) => {
    for (const { name: runtime, isUp, seconds, conditions } of found.flat()) {
      add(runtimeUp, { runtime }, isUp ? 1 : 0);
      add(runtimeResponse, { runtime }, seconds);
      for (const [condition, holds] of conditions)
        add(runtimeCondition, { runtime, condition }, holds ? 1 : 0);
    }
  };
}

/** What this user may not ask isn't called down: nobody knows how it is. */
function canBeAsked(
  { name, mark, isSocket }: Runtime,
  tell: (name: string, reason: string) => void,
): boolean {
  try {
    accessSync(mark, isSocket ? constants.R_OK | constants.W_OK : constants.F_OK);
    return true;
  } catch (error) {
    const code = systemCode(error);
    tell(name, code === "ENOENT" ? "" : `this user may not ask at ${mark}: ${code}`);
    return false;
  }
}

function criRuntime(name: string, socketPath: string): Runtime {
  return {
    name,
    mark: socketPath,
    isSocket: true,
    async ask(signal) {
      const asked = callGrpc({
        socketPath,
        method: "/runtime.v1.RuntimeService/Status",
        request: new Uint8Array(),
        timeoutMilliseconds,
        maximumBytes,
        signal,
      });
      try {
        return readConditions(await asked);
      } catch (error) {
        // The containerd that comes with docker has the interface switched off: it is well, and has no conditions.
        if (unimplemented.test(describeError(error))) return noConditions;
        throw error;
      }
    },
  };
}

/**
 *     StatusResponse { RuntimeStatus status = 1 }
 *     RuntimeStatus { repeated RuntimeCondition conditions = 1 }
 *     RuntimeCondition { string type = 1; bool status = 2; string reason = 3; string message = 4 }
 */
function readConditions(answer: Buffer): Conditions {
  const of = (message: Buffer, number: number) =>
    readFields(message).filter((field) => field.number === number);
  const conditions = of(answer, 1).flatMap(({ bytes }) => of(bytes, 1));
  return new Map(
    conditions.slice(0, maximumConditions).map(({ bytes }): [string, boolean] => {
      const [type] = of(bytes, 1);
      // A false isn't written.
      const [status] = of(bytes, 2);
      return [type ? readText(type) : "", status !== undefined && status.value !== 0];
    }),
  );
}

function httpRuntime(name: string, mark: string, where: RequestOptions): Runtime {
  return {
    name,
    mark,
    isSocket: where.socketPath !== undefined,
    async ask(signal) {
      const status = await statusOf({
        ...where,
        headers: { host: "localhost", connection: "close" },
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMilliseconds)]),
      });
      if (status !== 200)
        throw new WarpwatchError("CALL_FAILED", `${where.path ?? ""} answers ${status}`);
      return noConditions;
    },
  };
}

/** A kubelet that was taken out leaves its folder, and one may keep its health to itself: only one that answered can fail to. */
function onceAnswered(runtime: Runtime): Runtime {
  let hasAnswered = false;
  return {
    ...runtime,
    async ask(signal) {
      try {
        const conditions = await runtime.ask(signal);
        hasAnswered = true;
        return conditions;
      } catch (error) {
        if (systemCode(error) === "ECONNREFUSED" && !hasAnswered) return null;
        throw error;
      }
    },
  };
}

/** Its words don't matter: the body isn't read. */
function statusOf(options: RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    // An import statement would evaluate all that node:http exports: 13 MB that most nodes never need.
    const { request } = process.getBuiltinModule("node:http");
    const asked = request(options, (response) => {
      resolve(response.statusCode ?? 0);
      asked.destroy();
    });
    asked.on("error", reject);
    asked.end();
  });
}
