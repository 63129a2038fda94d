// The grid: a row per node, a cell per GPU; many GPUs are drawn small, and the cell that is chosen is told in full.
// @ts-check
/** @import { GpuOverview, NodeOverview, SourceOverview } from "../overview.ts" */
import {
  byId,
  drawEach,
  element,
  forgetRows,
  setAttribute,
  setClass,
  setHidden,
  setText,
} from "./dom.js";
import { celsius, counted, finePercent, lasting, percent, reading, watts } from "./format.js";

/** From here on cells are small unless somebody says otherwise. */
const compactFrom = 65;
/** Said beside the colour, which not everybody sees. */
const marks = { ok: "", warning: "!", critical: "!!", unknown: "?", lost: "✕" };

/** @type {readonly NodeOverview[]} */
let nodes = [];
/** @type {boolean | null} */
let chosenDensity = null;
let compact = false;
/** @type {{ node: string, uuid: string } | null} */
let chosen = null;

const find = /** @type {HTMLInputElement} */ (byId("find"));
const troubled = /** @type {HTMLInputElement} */ (byId("troubled"));
const dense = /** @type {HTMLInputElement} */ (byId("dense"));
const detail = /** @type {HTMLDialogElement} */ (byId("detail"));

find.addEventListener("input", draw);
troubled.addEventListener("change", draw);
dense.addEventListener("change", () => {
  chosenDensity = dense.checked;
  draw();
});
byId("close").addEventListener("click", closeDetail);
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && detail.open) closeDetail();
});

/** @param {readonly NodeOverview[]} latest */
export function drawFleet(latest) {
  nodes = latest;
  draw();
}

function draw() {
  const total = nodes.reduce((sum, node) => sum + node.gpus.length, 0);
  const wanted = chosenDensity ?? total >= compactFrom;
  if (wanted !== compact) forgetRows(byId("nodes"));
  compact = wanted;
  dense.checked = compact;
  setClass(byId("nodes"), compact ? "compact" : "");
  const text = find.value.trim().toLowerCase();
  const shown = nodes.filter(
    (node) => node.node.toLowerCase().includes(text) && (!troubled.checked || isTroubled(node)),
  );
  drawEach(byId("nodes"), shown, { key: (node) => node.node, make: makeNode, update: updateNode });
  setHidden(byId("fleet-note"), shown.length > 0);
  setText(
    byId("fleet-note"),
    nodes.length === 0 ? "No node has reported yet." : "No node is like that.",
  );
  drawDetail();
}

/** @param {NodeOverview} node */
function isTroubled(node) {
  return (
    node.state !== "up" ||
    node.gpus.some((gpu) => gpu.state !== "ok") ||
    node.sources.some((source) => source.state === "down")
  );
}

/** @param {NodeOverview} node */
function makeNode({ node }) {
  const name = element("h3", "", [node]);
  const state = element("span");
  const facts = element("span", "quiet facts");
  const gpus = element("div", "gpus");
  const none = element("p", "quiet", ["No GPU on this node."]);
  const summary = element("summary");
  const sources = element("ul", "sources");
  const details = element("details", "", [summary, sources]);
  const title = element("div", "title", [name, state, facts]);
  const root = element("article", "node", [title, gpus, none, details]);
  details.addEventListener("toggle", draw);
  return { root, state, facts, gpus, none, summary, sources, details };
}

/** @param {ReturnType<typeof makeNode>} row @param {NodeOverview} node */
function updateNode(row, node) {
  const disk = node.fullestFilesystem;
  const facts = [
    `CPU ${reading(node.cpuBusyRatio, percent)}`,
    `memory ${reading(node.memoryUsedRatio, percent)}`,
    disk === null ? "disk –" : `${disk.mountpoint} ${percent(disk.usedRatio)} full`,
  ];
  // A second of age is the pace of sampling; more is worth a word.
  if (node.ageSeconds === null) facts.push("no sample yet");
  else if (node.ageSeconds >= 3) facts.push(`last sample ${lasting(node.ageSeconds * 1000)} ago`);
  setText(row.state, node.state);
  setClass(row.state, `word ${node.state}`);
  setText(row.facts, facts.join(" · "));
  setHidden(row.none, node.gpus.length > 0);
  drawEach(row.gpus, node.gpus, {
    key: (gpu) => `${gpu.uuid} ${gpu.name}`,
    make: (gpu) => makeCell(node.node, gpu),
    update: updateCell,
  });
  drawSources(row, node.sources);
}

/** @param {ReturnType<typeof makeNode>} row @param {readonly SourceOverview[]} sources */
function drawSources(row, sources) {
  const down = sources.filter((source) => source.state === "down");
  const absent = sources.filter((source) => source.state === "absent").length;
  const counts = `${sources.length - down.length - absent} up, ${absent} absent, ${down.length} down`;
  const names = down.length === 0 ? "" : `: ${down.map((source) => source.source).join(", ")}`;
  setText(row.summary, `Sources ${counts}${names}`);
  setClass(row.summary, down.length > 0 ? "down" : "");
  const listed = row.details.hasAttribute("open") ? sources : [];
  drawEach(row.sources, listed, {
    key: (source) => source.source,
    make: ({ source }) => {
      const state = element("span");
      const reason = element("span", "quiet");
      return { root: element("li", "", [state, ` ${source} `, reason]), state, reason };
    },
    update(item, source) {
      setText(item.state, source.state);
      setClass(item.state, `word ${source.state}`);
      setText(item.reason, source.reason);
    },
  });
}

/** @param {string} node @param {GpuOverview} gpu */
function makeCell(node, gpu) {
  const name = element("span", "name", [compact ? gpu.name.replace(/^gpu/, "") : gpu.name]);
  const state = element("span", "state");
  const heat = element("span", "heat");
  const bar = element("span", "busy");
  const root = element("button", "", [name, state, heat, bar]);
  root.setAttribute("type", "button");
  root.addEventListener("click", () => {
    chosen = { node, uuid: gpu.uuid };
    drawDetail();
  });
  if (compact) return { root, node, state, heat, bar, rest: null };
  const rest = {
    power: element("span", "rest right"),
    busy: element("span", "rest"),
    memory: element("span", "rest right"),
    risk: element("span", "risk"),
    alerts: element("span", "alerts"),
  };
  root.append(rest.power, rest.busy, rest.memory, rest.risk, rest.alerts);
  return { root, node, state, heat, bar, rest };
}

/** @param {ReturnType<typeof makeCell>} cell @param {GpuOverview} gpu */
function updateCell(cell, gpu) {
  const { root, rest } = cell;
  const heat = reading(gpu.temperatureCelsius, celsius);
  const busy = reading(gpu.utilisationRatio, percent);
  setClass(root, `gpu ${gpu.state}`);
  setText(cell.state, rest === null ? marks[gpu.state] : gpu.state);
  setText(cell.heat, heat);
  const width = `${Math.round((gpu.utilisationRatio ?? 0) * 100)}%`;
  if (cell.bar.style.width !== width) cell.bar.style.width = width;
  const alerts = gpu.alerts.join(", ");
  if (rest === null) {
    // Said without readings, which change every second: a press tells them.
    const said = [gpu.name, gpu.state, alerts].filter((part) => part !== "");
    setAttribute(root, "aria-label", said.join(", "));
    return;
  }
  setText(rest.power, reading(gpu.powerWatts, watts));
  setText(rest.busy, `${busy} busy`);
  setText(rest.memory, `${reading(gpu.memoryRatio, percent)} mem`);
  const risk = gpu.failureWithin30Days;
  setText(rest.risk, risk === null ? "" : `${finePercent(risk)} to fail in 30 d`);
  setText(rest.alerts, alerts);
}

function closeDetail() {
  chosen = null;
  detail.close();
}

/** The chosen GPU in full, for as long as it is there. */
function drawDetail() {
  if (chosen === null) return;
  const { node, uuid } = chosen;
  const gpu = nodes.find((one) => one.node === node)?.gpus.find((one) => one.uuid === uuid);
  setText(byId("detail-title"), gpu ? `${gpu.name} on ${node}` : `No longer there: ${uuid}`);
  const facts = gpu === undefined ? [] : factsOf(gpu);
  drawEach(byId("facts"), facts, {
    key: ([title]) => title,
    make([title]) {
      const value = element("dd");
      return { root: element("div", "", [element("dt", "quiet", [title]), value]), value };
    },
    update: (row, [, value]) => setText(row.value, value),
  });
  if (!detail.open) detail.show();
}

/** @param {GpuOverview} gpu @returns {[string, string][]} */
function factsOf(gpu) {
  return [
    ["State", gpu.state],
    ["Busy", reading(gpu.utilisationRatio, percent)],
    ["Temperature", reading(gpu.temperatureCelsius, celsius)],
    ["Power", reading(gpu.powerWatts, watts)],
    ["Memory used", reading(gpu.memoryRatio, percent)],
    ["Fails within 30 days", reading(gpu.failureWithin30Days, finePercent)],
    [
      "Alerts",
      gpu.alerts.length === 0
        ? "none"
        : `${counted(gpu.alerts.length, "alert")}: ${gpu.alerts.join(", ")}`,
    ],
    ["Model", gpu.model === "" ? "–" : gpu.model],
    ["UUID", gpu.uuid],
  ];
}
