/** Targets from DNS: SRV records, or addresses with a port (Prometheus: dns_sd_config). */
import { Resolver } from "node:dns/promises";
import type { Clock, Timer } from "../../../core/kit/clock.ts";
import { systemCode } from "../../../core/kit/errors.ts";
import type { Discovery } from "./discovery.ts";
import type { TargetGroup } from "./target.ts";

export interface DnsQuery {
  /** Whole names: no search domain is added. */
  readonly names: readonly string[];
  readonly type: "SRV" | "A" | "AAAA";
  /** For addresses; SRV records bring their own. */
  readonly port: number;
  readonly refreshMilliseconds: number;
  /** `address` or `address:port`; none: the system's. */
  readonly servers: readonly string[];
}

const attemptMilliseconds = 3000;
const attempts = 2;
const maximumRecords = 10_000;
/** The name is known not to have such records; everything else may be the name server's trouble. */
const noRecords: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA"]);

export function createDnsDiscovery(
  query: DnsQuery,
  clock: Clock,
  onError: (sentence: string) => void,
): Discovery {
  // It asks over sockets of its own: a name server that hangs holds up no thread.
  const resolver = new Resolver({ timeout: attemptMilliseconds, tries: attempts });
  if (query.servers.length > 0) resolver.setServers(query.servers);
  const known = new Map<string, TargetGroup[]>();
  const wrong = new Map<string, string>();
  let changed = false;
  let timer: Timer | null = null;
  let stopped = false;

  async function refresh(name: string): Promise<void> {
    try {
      const found = (await ask(resolver, query, name)).slice(0, maximumRecords);
      changed ||= JSON.stringify(found) !== JSON.stringify(known.get(name));
      known.set(name, found);
      wrong.delete(name);
    } catch (thrown) {
      if (stopped) return;
      const sentence = `the ${query.type} records of ${name} are unknown: ${tell(thrown)}`;
      if (wrong.get(name) !== sentence) onError(sentence);
      wrong.set(name, sentence);
    }
  }

  async function refreshAll(): Promise<void> {
    await Promise.all(query.names.map(refresh));
    if (!stopped) timer = clock.after(query.refreshMilliseconds, () => void refreshAll());
  }

  void refreshAll();
  return {
    read() {
      if (!changed) return null;
      changed = false;
      return query.names.flatMap((name) => known.get(name) ?? []);
    },
    errors: () => [...wrong.values()],
    stop() {
      stopped = true;
      timer?.cancel();
      resolver.cancel();
    },
  };
}

async function ask(resolver: Resolver, query: DnsQuery, name: string): Promise<TargetGroup[]> {
  try {
    const found =
      query.type === "SRV"
        ? await services(resolver, name)
        : await addresses(resolver, query, name);
    return found.toSorted(({ targets: [one = ""] }, { targets: [other = ""] }) =>
      one < other ? -1 : 1,
    );
  } catch (thrown) {
    if (noRecords.has(systemCode(thrown))) return [];
    throw thrown;
  }
}

async function services(resolver: Resolver, name: string): Promise<TargetGroup[]> {
  const records = await resolver.resolveSrv(name);
  return records.map(({ name: host, port }) => ({
    targets: [`${host}:${port}`],
    labels: {
      __meta_dns_name: name,
      __meta_dns_srv_record_target: `${host}.`,
      __meta_dns_srv_record_port: String(port),
    },
  }));
}

async function addresses(
  resolver: Resolver,
  { type, port }: DnsQuery,
  name: string,
): Promise<TargetGroup[]> {
  const records = type === "A" ? await resolver.resolve4(name) : await resolver.resolve6(name);
  return records.map((address) => ({
    targets: [address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`],
    labels: { __meta_dns_name: name },
  }));
}

const words: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing answers at the name server's address",
  ETIMEOUT: "the name server doesn't answer in time",
  ESERVFAIL: "the name server failed",
  EREFUSED: "the name server refuses to answer",
  EBADNAME: "that is no name",
};

function tell(thrown: unknown): string {
  const code = systemCode(thrown);
  return `${words[code] ?? "the name server's answer can't be used"} (${code})`;
}
