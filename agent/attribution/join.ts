/** Puts the holder's labels on the GPU series of a page, once per change of the series or of the holders; frames stay without them. */
import type { Metric } from "../../core/catalog/metric.ts";
import type { Schema, Series } from "../../core/wire/frame.ts";
import { holderLabelNames, type Holders } from "./holders.ts";

export interface Join {
  /** Rises when `apply` would give another schema for the same one. */
  readonly revision: number;
  /** The same schema with the holders' labels; the very same object while nobody says who holds what. */
  apply(schema: Schema): Schema;
}

export function createJoin(holders: Holders): Join {
  const extended = new Map<Metric, Metric>();
  let source: Schema | undefined;
  let joined: Schema | undefined;
  let revision = -1;

  function extend(metric: Metric): Metric {
    const known = extended.get(metric);
    if (known) return known;
    const made = Object.freeze({ ...metric, labels: [...metric.labels, ...holderLabelNames] });
    extended.set(metric, made);
    return made;
  }

  function joinOne(series: Series): Series {
    const { metric, values } = series;
    if (!isOfDcgmExporter(metric)) return series;
    const uuid = values[metric.labels.indexOf("UUID")];
    if (uuid === undefined) return series;
    const instance = values[metric.labels.indexOf("GPU_I_ID")] ?? "";
    const labels = holders.labelsOf(uuid, instance);
    return { ...series, metric: extend(metric), values: [...values, ...labels] };
  }

  return {
    get revision() {
      return holders.revision;
    },
    apply(schema) {
      if (!holders.known) return schema;
      if (source !== schema || revision !== holders.revision || !joined) {
        joined = { ...schema, series: schema.series.map(joinOne) };
        source = schema;
        revision = holders.revision;
      }
      return joined;
    },
  };
}

/** Fields that a user's file asks DCGM for are in no catalogue; a page that was joined elsewhere has these labels already. */
function isOfDcgmExporter({ name, labels }: Metric): boolean {
  return name.startsWith("DCGM_") && !holderLabelNames.some((label) => labels.includes(label));
}
