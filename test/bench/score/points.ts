/** Scores row by row, without grace around an anomaly: average precision, and what is found while alarms are rare. */

/** Area under the precision-recall curve as a sum over the rows of falling score; NaN when nothing is labelled. */
export function averagePrecision(scores: Float64Array, labels: Uint8Array): number {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0));
  let positives = 0;
  for (const label of labels) positives += label;
  if (positives === 0) return Number.NaN;
  let found = 0;
  let before = 0;
  let area = 0;
  for (let rank = 0; rank < order.length; rank += 1) {
    found += labels[order[rank] ?? 0] ?? 0;
    // Rows of equal score stand or fall together.
    if (scores[order[rank + 1] ?? -1] === scores[order[rank] ?? 0]) continue;
    area += ((found - before) / positives) * (found / (rank + 1));
    before = found;
  }
  return area;
}

/** Mean negative logarithm of the probability given to what happened; probabilities are kept off 0 and 1. */
export function logLoss(probabilities: readonly number[], outcomes: readonly boolean[]): number {
  const sum = probabilities.reduce((total, probability, index) => {
    const bounded = Math.min(1 - 1e-6, Math.max(1e-6, probability));
    return total - Math.log(outcomes[index] === true ? bounded : 1 - bounded);
  }, 0);
  return sum / probabilities.length;
}
