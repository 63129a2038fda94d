// The console: asks the collector for the overview every second and draws it, with text nodes only.
// @ts-check
/** @import { AlertOverview, FindingOverview, GpuOverview, NodeOverview, Overview } from "../overview.ts" */

const refreshMilliseconds = 1000;
const tokenKey = "warpwatch-token";

/** The token comes once in the fragment, which no server and no log ever sees. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    sessionStorage.setItem(tokenKey, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(tokenKey) ?? "";
}

/**
 * @param {string} tag
 * @param {{ class?: string, text?: string, title?: string, href?: string }} [properties]
 * @param {readonly Node[]} [children]
 */
function element(tag, properties = {}, children = []) {
  const made = document.createElement(tag);
  if (properties.class !== undefined) made.className = properties.class;
  if (properties.text !== undefined) made.textContent = properties.text;
  if (properties.title !== undefined) made.title = properties.title;
  if (properties.href !== undefined && /^https?:\/\//.test(properties.href)) {
    made.setAttribute("href", properties.href);
    made.setAttribute("rel", "noreferrer");
  }
  made.append(...children);
  return made;
}

/** @param {string} id @param {readonly Node[]} children */
function fill(id, children) {
  document.getElementById(id)?.replaceChildren(...children);
}

/** @param {number | null} value @param {(value: number) => string} format */
function reading(value, format) {
  return value === null ? "unknown" : format(value);
}

/** @param {number} ratio */
const percent = (ratio) => `${(ratio * 100).toFixed(0)} %`;

/** @param {number} sinceMilliseconds @param {number} nowMilliseconds */
function ago(sinceMilliseconds, nowMilliseconds) {
  const seconds = Math.max(0, Math.round((nowMilliseconds - sinceMilliseconds) / 1000));
  if (seconds < 120) return `${seconds} s`;
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
}

/** @param {readonly string[]} titles @param {readonly (readonly Node[])[]} rows */
function table(titles, rows) {
  const head = element(
    "tr",
    {},
    titles.map((text) => element("th", { text })),
  );
  const body = rows.map((cells) => element("tr", {}, cells));
  return element("table", {}, [element("thead", {}, [head]), element("tbody", {}, body)]);
}

/** @param {readonly AlertOverview[]} alerts @param {number} now */
function drawAlerts(alerts, now) {
  if (alerts.length === 0) return [element("p", { class: "empty", text: "None." })];
  const rows = alerts.map((alert) => [
    element("td", { class: `state-${alert.severity}`, text: alert.severity }),
    element("td", {
      class: `state-${alert.unknown ? "unknown" : alert.state}`,
      text: alert.unknown ? `${alert.state}, data missing` : alert.state,
    }),
    element("td", {}, [element("a", { text: alert.rule, href: alert.runbookUrl })]),
    element("td", { text: alert.node }),
    element("td", { class: "wide", text: alert.summary }),
    element("td", { text: ago(alert.sinceMilliseconds, now) }),
  ]);
  return [table(["Severity", "State", "Alert", "Node", "What", "For"], rows)];
}

/** @param {readonly FindingOverview[]} findings @param {number} now */
function drawFindings(findings, now) {
  if (findings.length === 0) return [element("p", { class: "empty", text: "None." })];
  const rows = findings.map((finding) => [
    element("td", { text: finding.detector }),
    element("td", { text: finding.node }),
    element("td", { text: finding.subject }),
    element("td", { class: "wide", text: finding.text }),
    element("td", { text: ago(finding.sinceMilliseconds, now) }),
  ]);
  return [table(["Detector", "Node", "About", "What", "For"], rows)];
}

/** @param {GpuOverview} gpu */
function drawGpu(gpu) {
  const facts = [
    ["Busy", reading(gpu.utilisationRatio, percent)],
    ["Memory", reading(gpu.memoryRatio, percent)],
    ["Heat", reading(gpu.temperatureCelsius, (value) => `${value.toFixed(0)} °C`)],
    ["Power", reading(gpu.powerWatts, (value) => `${value.toFixed(0)} W`)],
    ["Fails in 30 d", reading(gpu.failureWithin30Days, (value) => `${(value * 100).toFixed(1)} %`)],
  ];
  const head = element("div", { class: "head" }, [
    element("span", { text: gpu.name }),
    element("span", { class: `state-${gpu.state}`, text: gpu.state }),
  ]);
  const list = facts.flatMap(([name, value]) => [
    element("dt", { text: name ?? "" }),
    element("dd", { text: value ?? "" }),
  ]);
  const parts = [head, element("dl", {}, list)];
  if (gpu.utilisationRatio !== null) {
    const meter = element("meter", { title: "utilisation" });
    meter.setAttribute("value", String(gpu.utilisationRatio));
    parts.push(meter);
  }
  if (gpu.alerts.length > 0)
    parts.push(element("p", { class: "names", text: gpu.alerts.join(", ") }));
  return element("div", { class: `gpu ${gpu.state}`, title: `${gpu.model} ${gpu.uuid}` }, parts);
}

/** Which nodes have their list of sources opened; survives redrawing. @type {Set<string>} */
const opened = new Set();

/** @param {NodeOverview} node */
function drawNode(node) {
  const disk = node.fullestFilesystem;
  const facts = [
    `CPU ${reading(node.cpuBusyRatio, percent)}`,
    `memory ${reading(node.memoryUsedRatio, percent)}`,
    disk === null ? "disk unknown" : `${disk.mountpoint} ${percent(disk.usedRatio)} full`,
    node.ageSeconds === null ? "no sample yet" : `sample ${node.ageSeconds.toFixed(1)} s old`,
  ];
  const title = element("div", { class: "title" }, [
    element("h3", { text: node.node }),
    element("span", { class: `state-${node.state}`, text: node.state }),
    ...facts.map((text) => element("span", { class: "quiet", text })),
  ]);
  const counts = ["up", "absent", "down"].map(
    (state) => `${node.sources.filter((source) => source.state === state).length} ${state}`,
  );
  const sources = element("details", {}, [
    element("summary", { text: `Sources: ${counts.join(", ")}` }),
    element(
      "ul",
      { class: "sources" },
      node.sources.map((source) =>
        element("li", {}, [
          element("span", { class: `state-${source.state}`, text: source.state }),
          element("span", { text: ` ${source.source}` }),
          element("span", {
            class: "quiet",
            text: source.reason === "" ? "" : ` ${source.reason}`,
          }),
        ]),
      ),
    ),
  ]);
  if (opened.has(node.node)) sources.setAttribute("open", "");
  sources.addEventListener("toggle", () => {
    if (sources.hasAttribute("open")) opened.add(node.node);
    else opened.delete(node.node);
  });
  const gpus =
    node.gpus.length === 0
      ? element("p", { class: "empty", text: "No GPU on this node." })
      : element("div", { class: "gpus" }, node.gpus.map(drawGpu));
  return element("article", { class: "node" }, [title, gpus, sources]);
}

/** @param {Overview} overview */
function draw(overview) {
  const gpus = overview.nodes.reduce((sum, node) => sum + node.gpus.length, 0);
  const firing = overview.alerts.filter((alert) => alert.state === "firing").length;
  const up = overview.nodes.filter((node) => node.state === "up").length;
  const summary = document.getElementById("summary");
  if (summary)
    summary.textContent = `${up} of ${overview.nodes.length} nodes up, ${gpus} GPUs, ${firing} alerts firing, ${overview.findings.length} findings`;
  const clock = document.getElementById("clock");
  if (clock)
    clock.textContent = `${new Date(overview.timeMilliseconds).toLocaleTimeString()} · ${overview.version}`;
  fill("alerts", drawAlerts(overview.alerts, overview.timeMilliseconds));
  fill("findings", drawFindings(overview.findings, overview.timeMilliseconds));
  fill("nodes", overview.nodes.map(drawNode));
}

/** @param {string} text */
function trouble(text) {
  const box = document.getElementById("trouble");
  if (!box) return;
  box.textContent = text;
  box.hidden = text === "";
}

async function refresh() {
  try {
    const response = await fetch("/api/v1/overview", {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5000),
    });
    if (response.status === 401 || response.status === 403)
      trouble(
        "This page needs the collector's token: open the address that it printed when it started.",
      );
    else if (response.ok) {
      draw(await response.json());
      trouble("");
    } else trouble(`The collector answered ${response.status}. What is shown may be out of date.`);
  } catch {
    trouble("The collector doesn't answer. What is shown is out of date.");
  }
  setTimeout(() => void refresh(), refreshMilliseconds);
}

const token = takeToken();
void refresh();
