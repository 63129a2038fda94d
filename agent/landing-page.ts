/** The page at `/`: what this is, what it serves, and how each source does. */
import { version } from "../core/kit/version.ts";
import { isAwaited, type SourceStatus } from "./sampler-source.ts";

export function renderLandingPage(
  node: string,
  telemetryPath: string,
  sources: readonly SourceStatus[],
): string {
  const rows = sources.map(sourceRow);
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Warpwatch agent on ${escape(node)}</title></head>
<body>
<h1>Warpwatch agent ${escape(version)} on ${escape(node)}</h1>
<ul>
<li><a href="${escape(telemetryPath)}">Metrics</a></li>
<li><a href="/-/healthy">Healthy</a></li>
<li><a href="/-/ready">Ready</a></li>
</ul>
<table>
<caption>Sources</caption>
<thead><tr><th>Source</th><th>State</th><th>Series</th><th>Last read (ms)</th><th>Reason</th></tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
</table>
</body>
</html>
`;
}

function sourceRow(status: SourceStatus): string {
  const { name, state, reason, series, durationSeconds } = status;
  return (
    `<tr><td>${escape(name)}</td><td>${isAwaited(status) ? "awaited" : state}</td><td>${series}</td>` +
    `<td>${Number.isNaN(durationSeconds) ? "" : (durationSeconds * 1000).toFixed(2)}</td>` +
    `<td>${escape(reason)}</td></tr>`
  );
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}
