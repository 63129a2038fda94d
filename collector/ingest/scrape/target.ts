/** A target: where a metrics page is, and the labels its samples get (Prometheus: scrape_config, file_sd_config). */
import { parseDuration } from "../../../core/kit/duration.ts";
import type { ClientTlsSettings } from "../../../core/kit/tls-files.ts";
import type { Credentials } from "./credentials.ts";
import { createLabelSet, labelNamePattern, relabel, type RelabelRule } from "./relabel.ts";

/** A page that is over one of them counts as none. Left out: no bound beside the door's. */
export interface ScrapeLimits {
  readonly samples?: number | undefined;
  readonly labels?: number | undefined;
  readonly labelNameLength?: number | undefined;
  readonly labelValueLength?: number | undefined;
}

export interface ScrapeJob {
  readonly name: string;
  readonly intervalMilliseconds: number;
  readonly timeoutMilliseconds: number;
  readonly scheme: "http" | "https";
  readonly path: string;
  readonly bodyLimitBytes: number;
  /** What is asked for after the `?`. */
  readonly query?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Where page and target have the same label: the page's counts. */
  readonly honorLabels?: boolean | undefined;
  readonly credentials?: Credentials | undefined;
  readonly tls?: ClientTlsSettings | undefined;
  readonly relabel?: readonly RelabelRule[] | undefined;
  readonly metricRelabel?: readonly RelabelRule[] | undefined;
  readonly limits?: ScrapeLimits | undefined;
}

export interface Target {
  readonly job: ScrapeJob;
  /** What its samples call their job: relabelling may have changed it. */
  readonly jobName: string;
  readonly url: URL;
  readonly intervalMilliseconds: number;
  readonly timeoutMilliseconds: number;
  /** `host:port`, as the target list has it; unique within its job. */
  readonly instance: string;
  /** The node its samples describe. */
  readonly node: string;
  /** Further labels for every series, sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
}

/** One entry of a target list, from the configuration, a file or a discovery. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const maximumLabelLength = 1024;
const queryPrefix = "__param_";
/** Where a discovery tells the node: it counts where relabelling made no label `node`. */
const nodeLabels = [
  "__meta_kubernetes_pod_node_name",
  "__meta_kubernetes_endpointslice_endpoint_node_name",
  "__meta_kubernetes_endpoint_node_name",
  "__meta_kubernetes_node_name",
] as const;

/** null where relabelling drops it. Throws a RangeError with one sentence when an address or a label can't be used. */
export function makeTarget(
  job: ScrapeJob,
  address: string,
  labels: Readonly<Record<string, string>>,
): Target | null {
  const set = createLabelSet([...ownLabels(job, address), ...Object.entries(labels)]);
  if (!relabel(set, job.relabel ?? [])) return null;
  const now = new Map(set.entries());
  const at = (name: string): string => now.get(name) ?? "";
  const whole = at("__address__");
  if (whole === "") throw new RangeError("relabelling left it without an address");
  const scheme = at("__scheme__");
  if (scheme !== "http" && scheme !== "https")
    throw new RangeError(`"${scheme}" is no scheme; it is http or https`);
  const url = parseAddress(scheme, whole, at("__metrics_path__"));
  addQuery(url, job, now);
  const nodeName = nodeLabels.map(at).find((name) => name !== "");
  return {
    job,
    jobName: at("job"),
    url,
    ...pace(job, at("__scrape_interval__"), at("__scrape_timeout__")),
    instance: at("instance") || whole,
    node: at("node") || nodeName || url.hostname.replace(/^\[|\]$/g, ""),
    labels: publicLabels(now),
  };
}

/** What a job says of each of its targets; a target's own labels of the same name count more. */
function ownLabels(job: ScrapeJob, address: string): (readonly [string, string])[] {
  return [
    ["__address__", address],
    ["__scheme__", job.scheme],
    ["__metrics_path__", job.path],
    ["__scrape_interval__", `${job.intervalMilliseconds}ms`],
    ["__scrape_timeout__", `${job.timeoutMilliseconds}ms`],
    ["job", job.name],
    ...Object.entries(job.query ?? {}).map(
      ([name, [first = ""]]) => [`${queryPrefix}${name}`, first] as const,
    ),
  ];
}

function publicLabels(now: ReadonlyMap<string, string>): (readonly [string, string])[] {
  const kept: (readonly [string, string])[] = [];
  for (const [name, value] of now) {
    if (name.startsWith("__") || name === "node" || name === "instance" || name === "job") continue;
    if (!labelNamePattern.test(name)) throw new RangeError(`"${name}" can't be a target's label`);
    if (value.length > maximumLabelLength)
      throw new RangeError(`label ${name} is over ${maximumLabelLength} characters`);
    kept.push([name, value]);
  }
  return kept.toSorted(([one], [other]) => (one < other ? -1 : 1));
}

function pace(
  job: ScrapeJob,
  interval: string,
  timeout: string,
): Pick<Target, "intervalMilliseconds" | "timeoutMilliseconds"> {
  const intervalMilliseconds = parseDuration(interval) ?? 0;
  const timeoutMilliseconds = parseDuration(timeout) ?? 0;
  const isOwn =
    intervalMilliseconds === job.intervalMilliseconds &&
    timeoutMilliseconds === job.timeoutMilliseconds;
  if (!isOwn && !isInterval(intervalMilliseconds))
    throw new RangeError(`"${interval}" is no interval from 1s to 5m`);
  if (!isOwn && (timeoutMilliseconds <= 0 || timeoutMilliseconds > intervalMilliseconds))
    throw new RangeError(`"${timeout}" is no time-out within an interval of ${interval}`);
  return { intervalMilliseconds, timeoutMilliseconds };
}

export function isInterval(milliseconds: number): boolean {
  return milliseconds >= 1000 && milliseconds <= 300_000;
}

/** Two targets with the same key are one. */
export function targetKey(target: Target): string {
  const labels = target.labels.map(([name, value]) => `${name}=${value}`).join(",");
  const { jobName, url, instance, node, intervalMilliseconds, timeoutMilliseconds } = target;
  return `${target.job.name} ${jobName} ${url.href} ${instance} ${node} ${intervalMilliseconds} ${timeoutMilliseconds} ${labels}`;
}

function parseAddress(scheme: string, address: string, path: string): URL {
  const wrong = (): RangeError =>
    new RangeError(`"${address.slice(0, 200)}" is not an address; write it as host:port`);
  if (!/^[\w.:[\]-]+$/.test(address)) throw wrong();
  const url = URL.parse(`${scheme}://${address}`);
  if (url === null || url.hostname === "" || url.username !== "") throw wrong();
  const whole = URL.parse(`${url.origin}${path.startsWith("/") ? path : `/${path}`}`);
  if (whole === null) throw new RangeError(`"${path.slice(0, 200)}" is not a path`);
  return whole;
}

/** The job's query; of a name that a label `__param_…` has, the first value is the label's. */
function addQuery(url: URL, job: ScrapeJob, labels: ReadonlyMap<string, string>): void {
  for (const [name, values] of Object.entries(job.query ?? {}))
    for (const value of labels.has(`${queryPrefix}${name}`) ? values.slice(1) : values)
      url.searchParams.append(name, value);
  for (const [name, value] of labels) {
    if (!name.startsWith(queryPrefix)) continue;
    const key = name.slice(queryPrefix.length);
    const others = url.searchParams.getAll(key);
    url.searchParams.set(key, value);
    for (const other of others) url.searchParams.append(key, other);
  }
}
