/**
 * Opsgenie, and Jira Service Management's alerts, by Opsgenie's Alert API v2: one alert per incident, whose alias is the
 * incident's key. A creation with an alias that is open counts on it and changes nothing else, so what changed goes into a note.
 */
import type { Notification } from "../state/notification.ts";
import { escapeMarkup, fitText } from "./fit.ts";
import { composeMessage, type LinkBases, type Message, type Mood } from "./message.ts";
import type { Service } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface OpsgenieOptions extends LinkBases {
  readonly name: string;
  /** `/v2/alerts` is added to its path. */
  readonly url: URL;
  readonly apiKey: Secret;
  readonly timeoutMilliseconds: number;
  readonly post: Post;
}

const maximumMessageCharacters = 130;
const maximumDescriptionCharacters = 15_000;
const maximumNoteCharacters = 20_000;
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

export function createOpsgenie(options: OpsgenieOptions): Service {
  return {
    name: options.name,
    timeoutMilliseconds: options.timeoutMilliseconds,
    async send(notification, signal) {
      const headers = { authorization: `GenieKey ${options.apiKey.reveal()}` };
      for (const request of requestsOf(notification, options)) {
        const receipt = await options.post({ ...request, headers, signal });
        if (receipt.outcome !== "accepted") return receipt;
      }
      return { outcome: "accepted" };
    },
  };
}

interface OpsgenieRequest {
  readonly url: URL;
  readonly body: string;
}

/** A change is told of an alert that may not be there (its creation was dropped, or closed by hand): so it is created first. */
function requestsOf(notification: Notification, options: OpsgenieOptions): OpsgenieRequest[] {
  const { action, key, occasion } = notification;
  const message = composeMessage(notification, options);
  const post = (path: string, body: Record<string, unknown>): OpsgenieRequest => {
    const url = new URL(options.url);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/v2/alerts${path}`;
    if (path !== "") url.searchParams.set("identifierType", "alias");
    return { url, body: JSON.stringify(body) };
  };
  const note = { ...origin, note: fitText(noteOf(message), maximumNoteCharacters) };
  const create = post("", creation(notification, message));
  if (action === "resolve") return [post(`/${key}/close`, note)];
  if (action === "acknowledge") return [post(`/${key}/acknowledge`, note)];
  const isNew = occasion === "fired" || occasion === "escalated";
  return isNew ? [create] : [create, post(`/${key}/notes`, note)];
}

function noteOf({ headline, members, facts }: Message): string {
  const comment = facts.filter(({ name }) => name === "Comment").map(({ value }) => value);
  return [headline, ...members, ...comment].join("\n");
}

function creation({ alert, key }: Notification, message: Message): Record<string, unknown> {
  const { labels } = alert;
  const tags = [alert.rule, labels["severity"], labels["team"], labels["component"]];
  return {
    message: fitText(message.headline, maximumMessageCharacters),
    alias: key,
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
function describe({ headline, description, members, links }: Message): string {
  const addresses = links.map(({ title, url }) => `${title}: ${url}`);
  const list = members.length > 0 ? [...members, ""] : [];
  const lines = [headline, ...addresses, "", ...list, description];
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
