/** Series as tests show them (`name{label="value",…}`) without the labels that all of them share. */

/** Those that have all of these labels, without them and without the others that are named. */
export function seriesOf(
  samples: ReadonlyMap<string, number>,
  having: Readonly<Record<string, string>>,
  without: readonly string[] = [],
): Record<string, number> {
  const wanted = Object.entries(having).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const dropped = new Set([...Object.keys(having), ...without]);
  const found: Record<string, number> = {};
  for (const [series, value] of samples) {
    const [, name = series, text = ""] = /^([^{]+)\{(.*)\}$/.exec(series) ?? [];
    const labels: readonly string[] = text.match(/[^,=]+="(?:[^"\\]|\\.)*"/g) ?? [];
    if (!wanted.every((label) => labels.includes(label))) continue;
    const kept = labels.filter((label) => !dropped.has(label.slice(0, label.indexOf("="))));
    found[kept.length === 0 ? name : `${name}{${kept.join(",")}}`] = value;
  }
  return found;
}
