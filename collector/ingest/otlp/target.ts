/**
 * Whose points they are: what a resource's attributes (opentelemetry.io/docs/specs/semconv/resource) become as labels. `job` and
 * `instance` follow Prometheus' translation; `node`, `pod` and the like are the names that samples of agents have.
 */
import type { OtlpAttribute } from "../../../core/wire/otlp.ts";
import type { WireLabel } from "../../../core/wire/write-request.ts";
import { labelNameOf } from "./names.ts";

export interface Target {
  /** On each of its series that has no such label of its own. */
  readonly labels: readonly WireLabel[];
  /** Those of `target_info`, with the ones above; null where there is nothing to tell. */
  readonly info: readonly WireLabel[] | null;
}

/** The first of each that is there. */
const places: readonly (readonly [label: string, ...attributes: string[]])[] = [
  ["node", "k8s.node.name", "host.name"],
  ["namespace", "k8s.namespace.name"],
  ["pod", "k8s.pod.name"],
  ["container", "k8s.container.name"],
];
/** They are `job` and `instance`. */
const identity: ReadonlySet<string> = new Set([
  "service.name",
  "service.namespace",
  "service.instance.id",
]);

export function targetOf(attributes: readonly OtlpAttribute[], maximumValueLength: number): Target {
  const find = (name: string): string =>
    attributes.find((attribute) => attribute.name === name)?.value ?? "";
  const found: WireLabel[] = [
    {
      name: "job",
      value: [find("service.namespace"), find("service.name")].filter(Boolean).join("/"),
    },
    { name: "instance", value: instanceOf(find) },
    ...places.map(([name, ...names]) => ({
      name,
      value: names.map(find).find((value) => value !== "") ?? "",
    })),
  ];
  const labels = found.filter(({ value }) => value !== "");
  const isNamed = labels.some(({ name }) => name === "job" || name === "instance");
  // A command line that is over the limit isn't worth losing the others for.
  const told = attributes.filter(
    ({ name, value }) => !identity.has(name) && value.length <= maximumValueLength,
  );
  return { labels, info: isNamed && told.length > 0 ? withLabels(told, labels) : null };
}

/** As the sender names itself; else the pod, or the host with its process, so that two of one service are two. */
function instanceOf(find: (name: string) => string): string {
  const process = find("process.pid");
  const host = find("host.name") || find("k8s.node.name");
  const named = find("service.instance.id") || find("k8s.pod.name");
  if (named !== "" || host === "") return named;
  return process === "" ? host : `${host}:${process}`;
}

/** Attributes as labels, the given ones where they have none of that name; null where one can't be a label. */
export function withLabels(
  attributes: readonly OtlpAttribute[],
  given: readonly WireLabel[],
): readonly WireLabel[] | null {
  const labels = new Map<string, string>();
  // Two attributes may become one label: their values then stand in the order of their names.
  const sorted = attributes.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  for (const attribute of sorted) {
    const name = labelNameOf(attribute.name);
    if (name === null) return null;
    const before = labels.get(name);
    labels.set(name, before === undefined ? attribute.value : `${before};${attribute.value}`);
  }
  // A target names itself, whatever a point says.
  for (const { name, value } of given)
    if (targetNames.has(name) || !labels.has(name)) labels.set(name, value);
  labels.delete("__name__");
  return Array.from(labels, ([name, value]) => ({ name, value }));
}

const targetNames: ReadonlySet<string> = new Set(["job", "instance"]);
