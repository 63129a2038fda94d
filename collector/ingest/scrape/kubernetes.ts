/** Targets from Kubernetes: the endpoints of one service, by the EndpointSlice API (discovery.k8s.io/v1), each with its node's name. */
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { request as secureRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { Clock, Timer } from "../../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { Discovery } from "./discovery.ts";
import type { TargetGroup } from "./target.ts";

/** The service whose pods are the targets, and who may ask for them. */
export interface KubernetesService {
  readonly service: string;
  /** Empty: the collector's own. */
  readonly namespace: string;
  readonly api: string;
  /** Where the pod's service account is mounted: `token`, `ca.crt`, `namespace`. */
  readonly accountFolder: string;
}

const pollMilliseconds = 15_000;
const requestMilliseconds = 10_000;
const maximumBytes = 64 * 1024 * 1024;

const slices = z.object({
  items: z.array(
    z.object({
      ports: z.array(z.object({ port: z.int() })).nullish(),
      endpoints: z
        .array(z.object({ addresses: z.array(z.string()).min(1), nodeName: z.string().nullish() }))
        .nullish(),
    }),
  ),
});

export function createKubernetesDiscovery(
  options: KubernetesService,
  clock: Clock,
  onError: (sentence: string) => void,
): Discovery {
  let groups: readonly TargetGroup[] = [];
  let shape = "";
  let changed = false;
  let error: string | null = null;
  let timer: Timer | null = null;
  let stopped = false;

  async function poll(): Promise<void> {
    try {
      const found = groupsOf(await ask(options));
      const now = JSON.stringify(found);
      if (now !== shape) {
        groups = found;
        shape = now;
        changed = true;
      }
      error = null;
    } catch (thrown) {
      const sentence = `the endpoints of ${options.service} are unknown: ${describeError(thrown)}`;
      if (sentence !== error) onError(sentence);
      error = sentence;
    }
    if (!stopped) timer = clock.after(pollMilliseconds, () => void poll());
  }

  void poll();
  return {
    read() {
      if (!changed) return null;
      changed = false;
      return groups;
    },
    errors: () => (error === null ? [] : [error]),
    stop() {
      stopped = true;
      timer?.cancel();
    },
  };
}

/** Pods that aren't ready are targets too: that one doesn't answer is what is to be found out. */
function groupsOf(body: string): TargetGroup[] {
  const parsed = slices.safeParse(JSON.parse(body));
  if (!parsed.success)
    throw new WarpwatchError("TARGET_REFUSED", "the answer is no list of EndpointSlices");
  const groups = parsed.data.items.flatMap(({ ports, endpoints }) => {
    const port = ports?.[0]?.port;
    if (port === undefined) return [];
    return (endpoints ?? []).map(({ addresses: [address = ""], nodeName }) => ({
      targets: [address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`],
      labels: nodeName ? { node: nodeName } : {},
    }));
  });
  return groups.toSorted((one, other) =>
    (one.targets[0] ?? "") < (other.targets[0] ?? "") ? -1 : 1,
  );
}

/** Files are read anew each time: Kubernetes exchanges the token every hour. */
async function ask({ service, namespace, api, accountFolder }: KubernetesService): Promise<string> {
  const read = (name: string): string => readFileSync(join(accountFolder, name), "utf8").trim();
  const space = namespace || read("namespace");
  const url = new URL(
    `/apis/discovery.k8s.io/v1/namespaces/${encodeURIComponent(space)}/endpointslices`,
    api,
  );
  url.searchParams.set("labelSelector", `kubernetes.io/service-name=${service}`);
  const secure = url.protocol === "https:";
  const headers = { accept: "application/json", authorization: `Bearer ${read("token")}` };
  const signal = AbortSignal.timeout(requestMilliseconds);
  return new Promise((resolve, reject) => {
    const options = { headers, signal, ...(secure ? { ca: read("ca.crt") } : {}) };
    const sent = (secure ? secureRequest : request)(url, options, (response) => {
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > maximumBytes) response.destroy(new Error(`it is over ${maximumBytes} bytes`));
      });
      if (response.statusCode !== 200)
        reject(
          new WarpwatchError(
            "TARGET_REFUSED",
            `the API server answered with status ${response.statusCode ?? 0}`,
          ),
        );
      text(response).then(resolve, reject);
    });
    sent.on("error", reject);
    sent.end();
  });
}
