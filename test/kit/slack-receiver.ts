/** Slack for tests: an incoming webhook and `chat.postMessage`, which hold to Block Kit's limits as Slack documents them. */
import { z } from "zod";
import { parseJson, start, type Judge, type Receiver } from "./receivers.ts";

export interface SlackReceiver extends Receiver {
  /** What the channel shows, in order. */
  readonly messages: readonly SlackMessage[];
  /** The next calls of the API are answered 200 with these errors. */
  fail(...errors: string[]): void;
}

export interface SlackMessage {
  readonly ts: string;
  readonly thread: string;
  readonly broadcast: boolean;
  readonly text: string;
  readonly color: string;
  readonly blocks: readonly SlackBlock[];
}

export type SlackBlock = z.infer<typeof blockSchema>;

export const slackToken = "xoxb-0123456789-token";
const channelId = "C0TESTCHAN";

const textSchema = z.strictObject({
  type: z.enum(["mrkdwn", "plain_text"]),
  text: z.string().min(1).max(3000),
  verbatim: z.boolean().optional(),
});

const blockSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("section"),
    block_id: z.string().max(255).optional(),
    text: textSchema,
  }),
  z.strictObject({
    type: z.literal("context"),
    block_id: z.string().max(255).optional(),
    elements: z.array(textSchema).min(1).max(10),
  }),
  z.strictObject({
    type: z.literal("actions"),
    elements: z
      .array(
        z.strictObject({
          type: z.literal("button"),
          action_id: z.string().max(255),
          text: z.strictObject({ type: z.literal("plain_text"), text: z.string().max(75) }),
          url: z.url().max(3000),
        }),
      )
      .min(1)
      .max(25),
  }),
]);

const messageSchema = z.strictObject({
  channel: z.string().optional(),
  thread_ts: z.string().optional(),
  reply_broadcast: z.boolean().optional(),
  text: z.string().max(40_000),
  attachments: z.array(
    z.strictObject({
      color: z.string().regex(/^#[0-9a-f]{6}$/),
      blocks: z.array(blockSchema).min(1).max(50),
    }),
  ),
  unfurl_links: z.boolean(),
  unfurl_media: z.boolean(),
});

export function startSlackWebhook(path = "/services/T0/B0/hook-secret"): Promise<SlackReceiver> {
  return startSlack(path, (posted, keep) => {
    if (posted === null) return { status: 400, answer: "invalid_payload" };
    keep(posted);
    return { status: 200, answer: "ok" };
  });
}

/** Its `url` is that of the API. */
export async function startSlackApi(): Promise<SlackReceiver> {
  const failures: string[] = [];
  const refuse = (error: string): ReturnType<Judge> => ({
    status: 200,
    answer: { ok: false, error },
  });
  const receiver = await startSlack("/api/", (posted, keep, request) => {
    const failure = failures.shift();
    if (failure !== undefined) return refuse(failure);
    if (request.path !== "chat.postMessage") return refuse("unknown_method");
    if (request.headers.authorization !== `Bearer ${slackToken}`) return refuse("invalid_auth");
    if (posted === null) return refuse("invalid_blocks");
    if (posted.channel !== "#gpu-alerts" && posted.channel !== channelId)
      return refuse("channel_not_found");
    const ts = keep(posted);
    return { status: 200, answer: { ok: true, channel: channelId, ts, message: posted } };
  });
  return { ...receiver, fail: (...errors) => void failures.push(...errors) };
}

type Posted = z.infer<typeof messageSchema>;

async function startSlack(
  path: string,
  judge: (
    posted: Posted | null,
    keep: (posted: Posted) => string,
    request: Parameters<Judge>[2],
  ) => ReturnType<Judge>,
): Promise<SlackReceiver> {
  const messages: SlackMessage[] = [];
  function keep(posted: Posted): string {
    const ts = `1795000000.00000${messages.length}`;
    messages.push({
      ts,
      thread: posted.thread_ts ?? "",
      broadcast: posted.reply_broadcast ?? false,
      text: posted.text,
      color: posted.attachments[0]?.color ?? "",
      blocks: posted.attachments[0]?.blocks ?? [],
    });
    return ts;
  }
  const receiver = await start(0, path, (body, _atMilliseconds, request) => {
    const parsed = messageSchema.safeParse(parseJson(body));
    return judge(parsed.success ? parsed.data : null, keep, request);
  });
  return Object.assign(receiver, { messages, fail: () => undefined });
}
