// The left column: open alerts and findings as cards, what needs somebody now first.
// @ts-check
/** @import { AlertOverview, FindingOverview } from "../overview.ts" */
import { byId, drawEach, element, setAddress, setClass, setHidden, setText } from "./dom.js";
import { lasting } from "./format.js";

/** A page with more cards than this is read by nobody; the API has them all. */
const maximumCards = 200;

const severities = ["critical", "warning", "info"];

/** @param {readonly AlertOverview[]} alerts @param {number} now */
export function drawAlerts(alerts, now) {
  const open = alerts.filter((alert) => alert.state !== "resolved").toSorted(byUrgency);
  drawEach(byId("alerts"), open.slice(0, maximumCards), {
    key: (alert) =>
      JSON.stringify([alert.rule, alert.node, alert.sinceMilliseconds, alert.summary]),
    make: makeCard,
    update(card, alert) {
      const pending = alert.state === "pending";
      setClass(card.root, `card ${toneOf(alert.severity)}${pending ? " pending" : ""}`);
      const unknown = alert.unknown ? ", data missing" : "";
      setText(card.state, `${alert.severity}${pending ? ", pending" : ""}${unknown}`);
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

/** Firing before pending, the worst first, the newest first. @param {AlertOverview} one @param {AlertOverview} other */
function byUrgency(one, other) {
  const rank = (/** @type {AlertOverview} */ alert) =>
    (alert.state === "firing" ? 0 : severities.length) + severities.indexOf(toneOf(alert.severity));
  return rank(one) - rank(other) || other.sinceMilliseconds - one.sinceMilliseconds;
}

/** @param {string} id @param {number} count @param {string} none */
function note(id, count, none) {
  const hidden = count > 0 && count <= maximumCards;
  setHidden(byId(id), hidden);
  const more = `${count - maximumCards} more are in the API.`;
  if (!hidden) setText(byId(id), count === 0 ? none : more);
}
