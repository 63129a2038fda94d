/**
 * Microsoft Teams, by the address of a workflow ("When a Teams webhook request is received"): one adaptive card per
 * notification, under the 28 KB that Teams takes. A workflow can't answer into a thread and knows no deduplication key.
 */
import type { Notification } from "../state/notification.ts";
import { fitItems, fitText } from "./fit.ts";
import { composeMessage, type LinkBases, type Message, type Mood } from "./message.ts";
import type { Service } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface TeamsOptions extends LinkBases {
  readonly name: string;
  readonly url: Secret;
  readonly timeoutMilliseconds: number;
  readonly post: Post;
}

/** Under 28 KB, whichever kilobyte is meant. */
const maximumBytes = 28_000;
const maximumHeadlineCharacters = 500;
const maximumLineCharacters = 300;
/** Of the description, of all alerts and of all labels; halved until the card fits, since what a character takes in JSON varies. */
const startingCharacters = 4000;
const leastCharacters = 100;

const styles: Readonly<Record<Mood, string>> = {
  critical: "attention",
  warning: "warning",
  info: "accent",
  unknown: "attention",
  resolved: "good",
};

export function createTeams(options: TeamsOptions): Service {
  return {
    name: options.name,
    timeoutMilliseconds: options.timeoutMilliseconds,
    async send(notification, signal) {
      const body = encode(notification, options);
      return options.post({ url: new URL(options.url.reveal()), body, signal });
    },
  };
}

function encode(notification: Notification, bases: LinkBases): string {
  const message = composeMessage(notification, bases);
  const identity = `${notification.action}-${notification.key}`;
  for (let characters = startingCharacters; ; characters = Math.floor(characters / 2)) {
    const body = JSON.stringify(envelope(cardOf(message, identity, characters)));
    if (Buffer.byteLength(body) <= maximumBytes || characters <= leastCharacters) return body;
  }
}

function envelope(content: Record<string, unknown>): Record<string, unknown> {
  const contentType = "application/vnd.microsoft.card.adaptive";
  return { type: "message", attachments: [{ contentType, contentUrl: null, content }] };
}

function cardOf(message: Message, identity: string, characters: number): Record<string, unknown> {
  const { headline, description, members, facts, labels, links, mood } = message;
  const lines = [...facts, ...labels].map(({ name, value }) =>
    fitText(`${name}: ${value}`, maximumLineCharacters),
  );
  return {
    $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
    type: "AdaptiveCard",
    version: "1.4",
    msteams: { width: "Full" },
    body: [
      {
        type: "Container",
        id: identity,
        style: styles[mood],
        bleed: true,
        items: [textOf(fitText(headline, maximumHeadlineCharacters), { weight: "Bolder" })],
      },
      ...fitText(description, characters)
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => textOf(line)),
      ...fitItems(
        members.map((member) => fitText(member, maximumLineCharacters)),
        characters,
        "alerts",
      ).map((line) => textOf(line, {}, "None")),
      ...fitItems(lines, characters, "labels").map((line) =>
        textOf(line, { size: "Small", isSubtle: true }, "None"),
      ),
    ],
    actions: links.map(({ title, url }) => ({ type: "Action.OpenUrl", title, url })),
  };
}

/** A text run, because no client reads one as Markdown: of a text block a label could make a link or a list. */
function textOf(
  text: string,
  look: Readonly<Record<string, unknown>> = {},
  spacing = "Default",
): Record<string, unknown> {
  return { type: "RichTextBlock", spacing, inlines: [{ type: "TextRun", text, ...look }] };
}
