/** In the child process: the columns of minutes, where files of samples and files of minutes are read together. */

/** A sample is its own minute. Without a file of minutes there are no such columns. */
export function minuteColumns(hasRolledUp: boolean): string {
  const [minimum, maximum, mean] = ["minimum", "maximum", "mean"].map((name) =>
    hasRolledUp ? `coalesce(${name}, value)` : "value",
  );
  const samples = hasRolledUp
    ? "coalesce(samples, (value IS NOT NULL)::BIGINT)"
    : "(value IS NOT NULL)::BIGINT";
  return `${minimum} AS minimum, ${maximum} AS maximum, ${mean} AS mean, ${samples} AS samples`;
}
