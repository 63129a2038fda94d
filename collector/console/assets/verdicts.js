// The left column: open alerts and findings as cards, what needs somebody now first, what is taken care of after it.
// @ts-check
/** @import { AlertOverview, FindingOverview, MuteOverview } from "../overview.ts" */
import { askToAcknowledge, askToSilence } from "./actions.js";
import {
  byId,
  drawEach,
  element,
  setAddress,
  setAttribute,
  setClass,
  setHidden,
  setText,
} from "./dom.js";
import { lasting } from "./format.js";

/** A page with more cards than this is read by nobody; the API has them all. */
const maximumCards = 200;

const severities = ["critical", "warning", "info"];

/** @param {readonly AlertOverview[]} alerts @param {number} now */
export function drawAlerts(alerts, now) {
  const open = alerts.filter((alert) => alert.state !== "resolved").toSorted(byUrgency);
  drawEach(byId("alerts"), open.slice(0, maximumCards), {
    key: (alert) => JSON.stringify([alert.fingerprint, alert.sinceMilliseconds]),
    make: makeAlertCard,
    update(card, alert) {
      card.alert = alert;
      const pending = alert.state === "pending";
      const cared = alert.muted.length > 0 || alert.acknowledged !== null;
      setClass(
        card.root,
        `card ${toneOf(alert.severity)}${pending ? " pending" : ""}${cared ? " cared" : ""}`,
      );
      const unknown = alert.unknown ? ", data missing" : "";
      setText(card.state, `${alert.severity}${pending ? ", pending" : ""}${unknown}`);
      drawReasons(card.reasons, alert, now);
      setHidden(card.acts, pending);
      setHidden(card.acknowledge, !alert.told || alert.acknowledged !== null);
      const subject = `${alert.rule} ${alert.node}`;
      setAttribute(card.acknowledge, "aria-label", `Acknowledge ${subject}`);
      setAttribute(card.silence, "aria-label", `Silence ${subject}`);
      setText(card.name, alert.rule);
      setAddress(card.name, alert.runbookUrl);
      setText(card.text, alert.summary);
      setText(card.place, alert.node);
      setText(card.age, lasting(now - alert.sinceMilliseconds));
    },
  });
  note("alerts-note", open.length, "No alert is open.");
}

/** @param {readonly FindingOverview[]} findings @param {number} now */
export function drawFindings(findings, now) {
  const newest = findings.toSorted((one, other) => other.sinceMilliseconds - one.sinceMilliseconds);
  drawEach(byId("findings"), newest.slice(0, maximumCards), {
    key: (finding) =>
      JSON.stringify([finding.detector, finding.node, finding.subject, finding.sinceMilliseconds]),
    make: makeCard,
    update(card, finding) {
      setClass(card.root, "card finding");
      setText(card.state, finding.detector);
      setText(card.name, finding.subject);
      setText(card.text, finding.text);
      setText(card.place, finding.node);
      setText(card.age, lasting(now - finding.sinceMilliseconds));
    },
  });
  note("findings-note", findings.length, "The detectors have found nothing unusual.");
}

/** Why nobody is told, or who has it: a word, then the reason. @param {Element} list @param {AlertOverview} alert @param {number} now */
function drawReasons(list, alert, now) {
  const reasons = alert.muted.map((mute) => ({
    key: `${mute.kind} ${mute.id}`,
    ...describe(mute, now),
  }));
  if (alert.acknowledged) {
    const { by, comment, atMilliseconds } = alert.acknowledged;
    const ago = `${lasting(now - atMilliseconds)} ago`;
    const text = `by ${by}, ${ago}${comment === "" ? "" : `: ${comment}`}`;
    reasons.unshift({ key: "acknowledged", word: "Acknowledged", text });
  }
  drawEach(list, reasons, {
    key: ({ key }) => key,
    make() {
      const word = element("span", "word");
      const text = element("span");
      return { root: element("li", "", [word, " ", text]), word, text };
    },
    update(row, { word, text }) {
      setText(row.word, word);
      setText(row.text, text);
    },
  });
}

/** @param {MuteOverview} mute @param {number} now */
function describe({ kind, id, by, comment, untilMilliseconds }, now) {
  const left = untilMilliseconds === null ? "" : `${lasting(untilMilliseconds - now)} left`;
  const why = comment === "" ? "" : `: ${comment}`;
  if (kind === "silence") return { word: "Silenced", text: `by ${by}, ${left}${why}` };
  if (kind === "maintenance") return { word: "Maintenance", text: `${by}, ${left}${why}` };
  return { word: "Explained", text: `by ${by === "" ? `alert ${id.slice(0, 12)}` : by}` };
}

/** @param {AlertOverview} alert */
function makeAlertCard(alert) {
  const parts = makeCard();
  const reasons = element("ul", "reasons");
  const acknowledge = makeButton("Acknowledge …");
  const silence = makeButton("Silence …");
  const acts = element("div", "acts", [acknowledge, silence]);
  parts.root.append(reasons, acts);
  const card = { ...parts, reasons, acts, acknowledge, silence, alert };
  acknowledge.addEventListener("click", () => askToAcknowledge(card.alert));
  silence.addEventListener("click", () => askToSilence(card.alert));
  return card;
}

/** @param {string} text */
function makeButton(text) {
  const button = element("button", "", [text]);
  button.setAttribute("type", "button");
  return button;
}

function makeCard() {
  const state = element("span", "state");
  const name = element("a", "name");
  const age = element("span", "age");
  const text = element("p");
  const place = element("span", "place quiet");
  const head = element("div", "head", [state, name, age]);
  return { root: element("li", "", [head, text, place]), state, name, age, text, place };
}

/** @param {string} severity */
function toneOf(severity) {
  return severities.includes(severity) ? severity : "info";
}

/** Firing before pending and what nobody has before what somebody has, the worst first, the newest first. @param {AlertOverview} one @param {AlertOverview} other */
function byUrgency(one, other) {
  const rank = (/** @type {AlertOverview} */ alert) =>
    (alert.state !== "firing" ? 2 : alert.muted.length > 0 || alert.acknowledged ? 1 : 0) *
      severities.length +
    severities.indexOf(toneOf(alert.severity));
  return rank(one) - rank(other) || other.sinceMilliseconds - one.sinceMilliseconds;
}

/** @param {string} id @param {number} count @param {string} none */
function note(id, count, none) {
  const hidden = count > 0 && count <= maximumCards;
  setHidden(byId(id), hidden);
  const more = `${count - maximumCards} more are in the API.`;
  if (!hidden) setText(byId(id), count === 0 ? none : more);
}
