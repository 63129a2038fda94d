/**
 * Opsgenie, and Jira Service Management's alerts, by Opsgenie's Alert API v2: one alert per life cycle, whose alias is the
 * fingerprint; a resolve closes it.
 */
import type { Alert } from "../state/alert.ts";
import type { Notification } from "../state/outbox.ts";
import { escapeMarkup, fitText } from "./fit.ts";
import { composeMessage, type LinkBases, type Message, type Mood } from "./message.ts";
import type { Notifier } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface OpsgenieOptions extends LinkBases {
  readonly name: string;
  /** `/v2/alerts` is added to its path. */
  readonly url: URL;
  readonly apiKey: Secret;
  readonly timeoutMilliseconds: number;
  readonly accepts: (alert: Alert) => boolean;
  readonly post: Post;
}

const maximumMessageCharacters = 130;
const maximumDescriptionCharacters = 15_000;
const maximumEntityCharacters = 512;
const maximumTagCharacters = 50;
/** Of all names and values together. */
const maximumDetailsCharacters = 8000;
const maximumDetailCharacters = 1000;
/** What the note of left out details takes. */
const noteRoom = 100;
const origin = { source: "Warpwatch", user: "Warpwatch" };

const priorities: Readonly<Record<Mood, string>> = {
  critical: "P1",
  unknown: "P2",
  warning: "P3",
  info: "P5",
  resolved: "P5",
};

export function createOpsgenie(options: OpsgenieOptions): Notifier {
  return {
    name: options.name,
    accepts: options.accepts,
    timeoutMilliseconds: options.timeoutMilliseconds,
    async send(notification, signal) {
      const headers = { authorization: `GenieKey ${options.apiKey.reveal()}` };
      return options.post({ ...requestOf(notification, options), headers, signal });
    },
  };
}

function requestOf(
  notification: Notification,
  options: OpsgenieOptions,
): { url: URL; body: string } {
  const { action, alert } = notification;
  const url = new URL(options.url);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/v2/alerts`;
  const message = composeMessage(notification, options);
  if (action === "trigger") return { url, body: JSON.stringify(creation(alert, message)) };
  url.pathname += `/${alert.fingerprint}/close`;
  url.searchParams.set("identifierType", "alias");
  return { url, body: JSON.stringify({ ...origin, note: message.headline.slice(0, 1000) }) };
}

function creation(alert: Alert, message: Message): Record<string, unknown> {
  const { labels } = alert;
  const tags = [alert.rule, labels["severity"], labels["team"], labels["component"]];
  return {
    message: fitText(message.headline, maximumMessageCharacters),
    alias: alert.fingerprint,
    description: describe(message),
    tags: tags
      .filter((tag) => tag !== undefined && tag !== "")
      .map((tag = "") => fitText(tag, maximumTagCharacters)),
    details: detailsOf(message),
    entity: fitText(labels["node"] || labels["instance"] || "", maximumEntityCharacters),
    ...origin,
    priority: priorities[message.mood],
  };
}

/** Links and the whole headline first: what is cut is the end of a long description. */
function describe({ headline, description, links }: Message): string {
  const lines = [headline, ...links.map(({ title, url }) => `${title}: ${url}`), "", description];
  // The page shows it as HTML.
  return fitText(lines.join("\n").trim(), maximumDescriptionCharacters, escapeMarkup);
}

/** Facts first: they are bounded, labels are not. */
function detailsOf({ facts, labels }: Message): Record<string, string> {
  const details: Record<string, string> = {};
  let room = maximumDetailsCharacters - noteRoom;
  let leftOut = 0;
  for (const fact of [...facts, ...labels]) {
    const value = fitText(fact.value, maximumDetailCharacters);
    room -= fact.name.length + value.length;
    if (room < 0) leftOut += 1;
    else details[fact.name] ??= value;
  }
  if (leftOut > 0) details["Left out"] = `${leftOut} more labels`;
  return details;
}
