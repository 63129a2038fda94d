// What people do about an alert: take it on, or silence it; and ending a silence. Each is asked for in a dialog of its own.
// @ts-check
/** @import { AlertOverview, SilenceOverview } from "../overview.ts" */
import { byId, element, setHidden, setText } from "./dom.js";
import { counted } from "./format.js";

const authorKey = "warpwatch-author";
const timeoutMilliseconds = 10_000;
/** Labels that say which thing an alert is about; the others say what kind of alert it is. */
const telling = new Set(["alertname", "node", "UUID", "device", "mountpoint"]);

/** @typedef {{ ok: boolean, status: number, text: string, answer: any }} Outcome */

/**
 * What the page brings: its token, the collector's time, and a look at what has come of it.
 * @typedef {{ token: () => string, now: () => number, afterwards: () => void }} Page
 */

/** @type {Page} */
let page = { token: () => "", now: () => 0, afterwards: () => {} };

const silenceDialog = dialogOf("silence");
const acknowledgeDialog = dialogOf("acknowledge");
/** @type {AlertOverview | null} */
let subject = null;

/** @param {Page} given */
export function startActions(given) {
  page = given;
  submitting("silence", "Silenced", silence);
  submitting("acknowledge", "Acknowledged", acknowledge);
}

/** @param {AlertOverview} alert */
export function askToSilence(alert) {
  open(silenceDialog, alert);
  const rows = Object.entries(alert.labels)
    .filter(([, value]) => value !== "")
    .toSorted(([one], [other]) => rankOf(one) - rankOf(other))
    .map(([name, value]) => {
      const box = document.createElement("input");
      Object.assign(box, { type: "checkbox", name: "label", value: name });
      box.checked = telling.has(name) || (name === "instance" && alert.node === "");
      return element("label", "", [box, element("span", "", [`${name}="${value}"`])]);
    });
  byId("silence-labels").replaceChildren(...rows);
}

/** @param {AlertOverview} alert */
export function askToAcknowledge(alert) {
  open(acknowledgeDialog, alert);
}

/** @param {SilenceOverview} silence @returns {Promise<Outcome>} */
export async function expire(silence) {
  const by = new URLSearchParams({ by: author() || "console" }).toString();
  const outcome = await send("DELETE", `/api/v2/silence/${silence.id}?${by}`);
  page.afterwards();
  return outcome;
}

/** @param {FormData} given @returns {Promise<Outcome>} */
async function silence(given) {
  const labels = subject?.labels ?? {};
  const names = given.getAll("label").filter((value) => typeof value === "string");
  if (names.length === 0)
    return {
      ok: false,
      status: 0,
      text: "Choose at least one label: none would silence everything.",
      answer: null,
    };
  const now = page.now();
  const outcome = await send("POST", "/api/v2/silences", {
    matchers: names.map((name) => ({
      name,
      value: labels[name] ?? "",
      isRegex: false,
      isEqual: true,
    })),
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + Number(textOf(given, "duration")) * 3_600_000).toISOString(),
    createdBy: textOf(given, "by"),
    comment: textOf(given, "comment"),
  });
  if (outcome.ok)
    outcome.text = `It matches ${counted(Number(outcome.answer.matching), "open alert")}.`;
  return outcome;
}

/** @param {FormData} given @returns {Promise<Outcome>} */
async function acknowledge(given) {
  const path = `/api/v1/incidents/${subject?.fingerprint ?? ""}/acknowledge`;
  const body = { by: textOf(given, "by"), comment: textOf(given, "comment") };
  const outcome = await send("POST", path, body);
  return outcome.status === 404
    ? { ...outcome, text: "It is over, or nobody is told of it any more." }
    : outcome;
}

/** @param {string} id @param {string} done @param {(given: FormData) => Promise<Outcome>} act */
function submitting(id, done, act) {
  const dialog = dialogOf(id);
  const form = /** @type {HTMLFormElement} */ (byId(`${id}-form`));
  const button = /** @type {HTMLButtonElement} */ (byId(`${id}-submit`));
  byId(`${id}-cancel`).addEventListener("click", () => dialog.close());
  async function submit() {
    const given = new FormData(form);
    localStorage.setItem(authorKey, textOf(given, "by"));
    button.disabled = true;
    const { ok, text } = await act(given);
    button.disabled = false;
    tellIn(dialog, ok ? "" : text);
    if (!ok) return;
    dialog.close();
    announce(`${done}. ${text}`);
    page.afterwards();
  }
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void submit();
  });
}

/** @param {HTMLDialogElement} dialog @param {AlertOverview} alert */
function open(dialog, alert) {
  subject = alert;
  setText(
    byId(`${dialog.id}-subject`),
    `${alert.rule}${alert.node === "" ? "" : ` on ${alert.node}`}`,
  );
  /** @type {HTMLFormElement} */ (byId(`${dialog.id}-form`)).reset();
  const by = /** @type {HTMLInputElement} */ (byId(`${dialog.id}-by`));
  by.value = author();
  tellIn(dialog, "");
  dialog.showModal();
  byId(by.value === "" ? `${dialog.id}-by` : `${dialog.id}-comment`).focus();
}

/** @param {HTMLDialogElement} dialog @param {string} text */
function tellIn(dialog, text) {
  setText(byId(`${dialog.id}-trouble`), text);
  setHidden(byId(`${dialog.id}-trouble`), text === "");
}

/** What was done, for a while, also to who can't see it. @param {string} text */
export function announce(text) {
  const place = byId("done");
  setText(place, text.trim());
  setHidden(place, false);
  clearTimeout(announced);
  announced = setTimeout(() => setHidden(place, true), 6000);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let announced;

/** @param {string} method @param {string} path @param {object} [body] @returns {Promise<Outcome>} */
async function send(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      headers: {
        authorization: `Bearer ${page.token()}`,
        ...(body ? { "content-type": "application/json" } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    const text = await response.text();
    const answer = text === "" ? null : JSON.parse(text);
    const said = typeof answer === "string" ? answer : (answer?.error ?? "");
    return {
      ok: response.ok,
      status: response.status,
      text: response.ok ? "" : said || `It was refused (${response.status}).`,
      answer,
    };
  } catch {
    return { ok: false, status: 0, text: "The collector doesn't answer.", answer: null };
  }
}

/** @param {FormData} given @param {string} name */
function textOf(given, name) {
  const value = given.get(name);
  return typeof value === "string" ? value.trim() : "";
}

function author() {
  return localStorage.getItem(authorKey) ?? "";
}

/** @param {string} name */
function rankOf(name) {
  return name === "alertname" ? 0 : telling.has(name) ? 1 : 2;
}

/** @param {string} id */
function dialogOf(id) {
  return /** @type {HTMLDialogElement} */ (byId(id));
}
