/**
 * Slack, by an incoming webhook or by `chat.postMessage` with a bot's token: the headline as text, the rest as blocks in an
 * attachment, which alone has a colour (Block Kit: 50 blocks, 3000 characters a text).
 *
 * With a token, what comes after an incident's first message is a reply in its thread, shown in the channel too unless it is
 * an update or an acknowledgement: nobody is called only where nobody looks. Slack knows no deduplication key: what it took
 * without answering in time is shown twice.
 */
import { z } from "zod";
import type { Notification } from "../state/notification.ts";
import { escapeMarkup, fitItems, fitText } from "./fit.ts";
import { composeMessage, type LinkBases, type Message, type Mood } from "./message.ts";
import type { Receipt, Service } from "./notifier.ts";
import { retryBecause, type Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface SlackOptions extends LinkBases {
  readonly name: string;
  readonly target: SlackTarget;
  readonly timeoutMilliseconds: number;
  readonly post: Post;
}

export type SlackTarget =
  | { readonly kind: "webhook"; readonly url: Secret }
  | {
      readonly kind: "token";
      /** Of the API; a method's name is added to its path. */
      readonly api: URL;
      readonly token: Secret;
      readonly channel: string;
    };

const maximumTextCharacters = 3000;
/** Of all blocks Slack takes some 13,000 together, which it doesn't document. */
const maximumLabelCharacters = 300;

const colors: Readonly<Record<Mood, string>> = {
  critical: "#c9252d",
  warning: "#e8912d",
  info: "#3b7dd8",
  unknown: "#c9252d",
  resolved: "#2e9e5b",
};

/** Errors of Slack's own making; any other says that the same message would be refused again. */
const passing: ReadonlySet<string> = new Set([
  "fatal_error",
  "internal_error",
  "request_timeout",
  "service_unavailable",
  "team_added_to_org",
]);

const answerSchema = z.object({
  ok: z.boolean(),
  error: z.string().default("no reason given"),
  channel: z.string().default(""),
  ts: z.string().default(""),
});

export function createSlack(options: SlackOptions): Service {
  const { name, timeoutMilliseconds, target, post } = options;

  async function reply(
    notification: Notification,
    target: SlackTarget & { kind: "token" },
    signal: AbortSignal,
  ): Promise<Receipt> {
    const body = encode(notification, options);
    const [channel = "", thread = ""] = notification.reference.split(" ");
    if (thread !== "") {
      const { action } = notification;
      const broadcast = action !== "update" && action !== "acknowledge";
      const inThread = { ...body, channel, thread_ts: thread, reply_broadcast: broadcast };
      const receipt = await call(target, post, inThread, signal);
      if (receipt.outcome === "retry") return receipt;
      // The reference stays that of the first message.
      if (receipt.outcome === "accepted") return { outcome: "accepted" };
      // A thread may be locked or gone with its message: then it is told outside.
    }
    return call(target, post, { ...body, channel: target.channel }, signal);
  }

  return {
    name,
    timeoutMilliseconds,
    async send(notification, signal) {
      if (target.kind === "token") return reply(notification, target, signal);
      const body = JSON.stringify(encode(notification, options));
      return post({ url: new URL(target.url.reveal()), body, signal });
    },
  };
}

function call(
  { api, token }: SlackTarget & { kind: "token" },
  post: Post,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Receipt> {
  const url = new URL(api);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/chat.postMessage`;
  return post({
    url,
    body: JSON.stringify(body),
    headers: {
      authorization: `Bearer ${token.reveal()}`,
      "content-type": "application/json; charset=utf-8",
    },
    signal,
    judgeAnswer: (answer) => judge(answer, url.host),
  });
}

/** Slack's API answers 200 to what it refuses. */
function judge(text: string, host: string): Receipt {
  const parsed = answerSchema.safeParse(parseJson(text));
  if (!parsed.success)
    return retryBecause("server_error", `${host} answered 200 without saying whether it took it`);
  const { ok, error, channel, ts } = parsed.data;
  if (ok) return { outcome: "accepted", ...(ts !== "" && { reference: `${channel} ${ts}` }) };
  const sentence = `${host} answered ${fitText(error, 200)}`;
  if (error === "ratelimited" || error === "rate_limited")
    return retryBecause("rate_limited", sentence);
  return passing.has(error)
    ? retryBecause("server_error", sentence)
    : { outcome: "refused", sentence };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function encode(notification: Notification, bases: LinkBases): Record<string, unknown> {
  const message = composeMessage(notification, bases);
  const identity = `${notification.action}-${notification.key}`;
  return {
    text: `*${fitText(message.headline, maximumTextCharacters - 2, escapeMarkup)}*`,
    attachments: [{ color: colors[message.mood], blocks: blocksOf(message, identity) }],
    unfurl_links: false,
    unfurl_media: false,
  };
}

/** At most five blocks. */
function blocksOf(message: Message, identity: string): Record<string, unknown>[] {
  const labels = message.labels.map(
    ({ name, value }) =>
      `*${fitText(name, 100, escapeMarkup)}* ${fitText(value, maximumLabelCharacters, escapeMarkup)}`,
  );
  const members = message.members.map(
    (member) => `• ${fitText(member, maximumLabelCharacters, escapeMarkup)}`,
  );
  const texts = [
    fitText(message.description, maximumTextCharacters, escapeMarkup),
    fitItems(members, maximumTextCharacters, "alerts").join("\n"),
    fitItems(labels, maximumTextCharacters, "labels").join("\n"),
  ];
  const facts = message.facts.map(
    ({ name, value }) => `${name}: ${fitText(value, 200, escapeMarkup)}`,
  );
  return [
    ...texts.filter((text) => text !== "").map((text) => ({ type: "section", text: markup(text) })),
    { type: "context", block_id: identity, elements: [markup(facts.join(" · "))] },
    ...(message.links.length > 0
      ? [{ type: "actions", elements: message.links.map(({ title, url }) => button(title, url)) }]
      : []),
  ];
}

function button(title: string, url: string): Record<string, unknown> {
  return {
    type: "button",
    action_id: `open-${title.toLowerCase()}`,
    text: { type: "plain_text", text: title },
    url,
  };
}

/** `verbatim`: names and addresses in the text become no mentions and no links. */
function markup(text: string): Record<string, unknown> {
  return { type: "mrkdwn", text, verbatim: true };
}
