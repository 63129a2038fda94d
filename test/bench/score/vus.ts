/** VUS-PR: volume under the precision-recall surface over buffer widths (Paparrizos et al., VLDB 2022). */

/**
 * Mean over the widths 0…`maximumWidth` of the area under the precision-recall curve with softened labels:
 * a row within half a width of an anomaly counts in part, and recall is weighted by how many anomalies were hit at all.
 * `labels` holds 0 or 1 per row. Returns NaN when nothing is labelled.
 */
export function volumeUnderPrecisionRecall(
  scores: Float64Array,
  labels: Uint8Array,
  maximumWidth: number,
  step = Math.max(1, Math.floor(maximumWidth / 20)),
): number {
  const segments = segmentsOf(labels);
  if (segments.length === 0) return NaN;
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  let sum = 0;
  let widths = 0;
  for (let width = 0; width <= maximumWidth; width += step) {
    sum += areaAtWidth(scores, labels, segments, order, width);
    widths += 1;
  }
  return sum / widths;
}

type Segment = readonly [first: number, last: number];

export function segmentsOf(labels: Uint8Array): Segment[] {
  const segments: Segment[] = [];
  let first = -1;
  for (let row = 0; row <= labels.length; row += 1) {
    if (labels[row] === 1 && first < 0) first = row;
    if (labels[row] !== 1 && first >= 0) {
      segments.push([first, row - 1]);
      first = -1;
    }
  }
  return segments;
}

function areaAtWidth(
  scores: Float64Array,
  labels: Uint8Array,
  segments: readonly Segment[],
  order: Uint32Array,
  width: number,
): number {
  const half = Math.floor(width / 2);
  const soft = soften(labels, segments, half, width);
  let hard = 0;
  let softTotal = 0;
  for (let row = 0; row < labels.length; row += 1) {
    hard += labels[row] ?? 0;
    softTotal += soft[row] ?? 0;
  }
  const positives = (hard + softTotal) / 2;
  const peaks = segments
    .map(([first, last]) => peak(scores, first - half, last + half))
    .sort((a, b) => b - a);
  let area = 0;
  let recallBefore = 0;
  let truePositives = 0;
  let hit = 0;
  for (let rank = 0; rank < order.length; rank += 1) {
    const row = order[rank] ?? 0;
    truePositives += soft[row] ?? 0;
    const threshold = scores[row] ?? 0;
    if (rank + 1 < order.length && scores[order[rank + 1] ?? 0] === threshold) continue;
    while (hit < peaks.length && (peaks[hit] ?? -Infinity) >= threshold) hit += 1;
    const recall = Math.min(truePositives / positives, 1) * (hit / peaks.length);
    area += (recall - recallBefore) * (truePositives / (rank + 1));
    recallBefore = recall;
  }
  return area;
}

function soften(
  labels: Uint8Array,
  segments: readonly Segment[],
  half: number,
  width: number,
): Float64Array {
  const soft = Float64Array.from(labels);
  for (const [first, last] of segments)
    for (let distance = 1; distance <= half; distance += 1) {
      const weight = Math.sqrt(1 - distance / width);
      if (first - distance >= 0)
        soft[first - distance] = Math.max(soft[first - distance] ?? 0, weight);
      if (last + distance < soft.length)
        soft[last + distance] = Math.max(soft[last + distance] ?? 0, weight);
    }
  return soft;
}

function peak(scores: Float64Array, first: number, last: number): number {
  let highest = -Infinity;
  for (let row = Math.max(0, first); row <= Math.min(last, scores.length - 1); row += 1)
    highest = Math.max(highest, scores[row] ?? -Infinity);
  return highest;
}
