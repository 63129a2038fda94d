/** A target: where a metrics page is, and the labels its samples get (Prometheus: scrape_config, file_sd_config). */

export interface ScrapeJob {
  readonly name: string;
  readonly intervalMilliseconds: number;
  readonly timeoutMilliseconds: number;
  readonly scheme: "http" | "https";
  readonly path: string;
  readonly bodyLimitBytes: number;
  /** A file with the token that the targets ask for; none when left out. */
  readonly tokenFile?: string | undefined;
}

export interface Target {
  readonly job: ScrapeJob;
  readonly url: URL;
  /** `host:port`, as the target list has it; unique within its job. */
  readonly instance: string;
  /** The node its samples describe. */
  readonly node: string;
  /** Further labels for every series, sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[];
}

/** One entry of a target list, from the configuration or a file. */
export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const maximumLabelLength = 1024;

/** Throws a RangeError with one sentence when an address or a label can't be used. */
export function makeTarget(
  job: ScrapeJob,
  address: string,
  labels: Readonly<Record<string, string>>,
): Target {
  const scheme = labels["__scheme__"] ?? job.scheme;
  const path = labels["__metrics_path__"] ?? job.path;
  if (scheme !== "http" && scheme !== "https")
    throw new RangeError(`"${scheme}" is no scheme; it is http or https`);
  const url = parseAddress(scheme, address, path);
  const kept: (readonly [string, string])[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (name.startsWith("__") || name === "node" || name === "instance" || value === "") continue;
    if (!labelName.test(name) || name === "job")
      throw new RangeError(`"${name}" can't be a target's label`);
    if (value.length > maximumLabelLength)
      throw new RangeError(`label ${name} is over ${maximumLabelLength} characters`);
    kept.push([name, value]);
  }
  return {
    job,
    url,
    instance: labels["instance"] || url.host || address,
    node: labels["node"] || url.hostname.replace(/^\[|\]$/g, ""),
    labels: kept.toSorted(([one], [other]) => (one < other ? -1 : 1)),
  };
}

/** Two targets with the same key are one. */
export function targetKey(target: Target): string {
  const labels = target.labels.map(([name, value]) => `${name}=${value}`).join(",");
  return `${target.job.name} ${target.url.href} ${target.instance} ${target.node} ${labels}`;
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
