// The console: asks the collector for its overview every second and draws what changed.
// @ts-check
/** @import { Overview } from "../overview.ts" */
import { startActions } from "./actions.js";
import { byId, drawEach, element, setAttribute, setClass, setHidden, setText } from "./dom.js";
import { drawFleet } from "./fleet.js";
import { counted, lasting } from "./format.js";
import { drawMaintenance, drawSilences } from "./muting.js";
import { drawAlerts, drawFindings } from "./verdicts.js";

const refreshMilliseconds = 1000;
/** Nobody looks, but the title still tells. */
const hiddenRefreshMilliseconds = 10_000;
const timeoutMilliseconds = 5000;
const tokenKey = "warpwatch-token";
const drawMeasure = "warpwatch-draw";

const timeOfDay = new Intl.DateTimeFormat([], {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

let token = takeToken();
/** When the collector last answered, on the page's steady clock; null before the first time. @type {number | null} */
let answeredAt = null;
/** What the collector's clock said then: it counts, not this machine's. */
let newestTime = 0;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;

/** The token comes once in the fragment, which no server and no log ever sees. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given !== null) {
    sessionStorage.setItem(tokenKey, given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem(tokenKey) ?? "";
}

/** @param {Overview} overview */
function draw(overview) {
  performance.clearMeasures(drawMeasure);
  const start = performance.now();
  const now = overview.timeMilliseconds;
  newestTime = now;
  drawTally(overview);
  setText(byId("clock"), `${timeOfDay.format(now)} · ${overview.version}`);
  drawAlerts(overview.alerts, now);
  drawSilences(overview.silences, now);
  drawMaintenance(overview.maintenance, now);
  drawFindings(overview.findings, now);
  drawFleet(overview.nodes);
  performance.measure(drawMeasure, { start, end: performance.now() });
}

/** @param {Overview} overview */
function drawTally({ nodes, alerts, findings }) {
  const gpus = nodes.flatMap((node) => node.gpus);
  const firing = alerts.filter((alert) => alert.state === "firing");
  const open = firing.filter(({ muted, acknowledged }) => muted.length === 0 && !acknowledged);
  const critical = open.filter((alert) => alert.severity === "critical").length;
  const quiet = firing.length - open.length;
  const up = nodes.filter((node) => node.state === "up").length;
  const ofState = (/** @type {string} */ state) => gpus.filter((gpu) => gpu.state === state).length;
  const troubled = ["critical", "lost", "warning", "unknown"].map((state) => ({
    key: state,
    text: `${ofState(state)} ${state}`,
    tone: state,
  }));
  const tally = [
    {
      key: "nodes",
      text: `${up} of ${counted(nodes.length, "node")} up`,
      tone: up === nodes.length ? "ok" : "critical",
    },
    { key: "gpus", text: `${ofState("ok")} of ${counted(gpus.length, "GPU")} ok`, tone: "plain" },
    ...troubled.filter(({ key }) => ofState(key) > 0),
    {
      key: "alerts",
      text: `${counted(firing.length, "alert")} firing`,
      tone: critical > 0 ? "critical" : open.length > 0 ? "warning" : "ok",
    },
    ...(quiet > 0 ? [{ key: "quiet", text: `${quiet} taken care of`, tone: "plain" }] : []),
    { key: "findings", text: counted(findings.length, "finding"), tone: "plain" },
  ];
  drawEach(byId("tally"), tally, {
    key: ({ key }) => key,
    make: () => ({ root: element("li") }),
    update({ root }, { text, tone }) {
      setText(root, text);
      setClass(root, tone);
    },
  });
  const title = open.length > 0 ? `(${open.length}) Warpwatch` : "Warpwatch";
  if (document.title !== title) document.title = title;
}

/** Empty text: all is well. @param {string} text @param {boolean} [wantsToken] */
function tell(text, wantsToken = false) {
  const since = answeredAt === null ? "" : lasting(performance.now() - answeredAt);
  setText(byId("trouble-text"), text);
  setText(byId("trouble-age"), text === "" || since === "" ? "" : `Last answer ${since} ago.`);
  setHidden(byId("entry"), !wantsToken);
  setHidden(byId("trouble"), text === "");
  setAttribute(document.body, "data-stale", String(text !== "" && answeredAt !== null));
}

/** @returns {Promise<boolean>} whether it is worth asking again */
async function ask() {
  if (token === "") {
    tell(
      "This page needs the collector's token: open the address it printed, or paste what is in the file `token` of its state folder.",
      true,
    );
    return false;
  }
  /** @type {Overview | null} */
  let overview = null;
  try {
    const response = await fetch("/api/v1/overview", {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    if (response.status === 401 || response.status === 403) {
      // Asking again with it would only use up the attempts that the server allows.
      tell(
        "The collector doesn't know this token: it is in the file `token` of its state folder.",
        true,
      );
      return false;
    }
    if (response.ok) overview = await response.json();
    else tell(`Out of date: the collector answers with an error (${response.status}).`);
  } catch {
    tell("Out of date: the collector doesn't answer.");
  }
  if (overview === null) return true;
  draw(overview);
  answeredAt = performance.now();
  tell("");
  return true;
}

async function refresh() {
  clearTimeout(timer);
  const again = await ask();
  clearTimeout(timer);
  const pause = document.hidden ? hiddenRefreshMilliseconds : refreshMilliseconds;
  if (again) timer = setTimeout(() => void refresh(), pause);
}

startActions({
  token: () => token,
  now: () => newestTime,
  afterwards: () => void refresh(),
});
byId("entry").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (byId("token"));
  token = field.value.trim();
  field.value = "";
  sessionStorage.setItem(tokenKey, token);
  void refresh();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && token !== "") void refresh();
});
void refresh();
