/** Microsoft Teams' workflow and Opsgenie's Alert API for tests; they hold to the limits that the services document. */
import { z } from "zod";
import { parseJson, start, type Receiver } from "./receivers.ts";

const runSchema = z.strictObject({
  type: z.literal("TextRun"),
  text: z.string().min(1),
  weight: z.string().optional(),
  size: z.string().optional(),
  isSubtle: z.boolean().optional(),
});

/** No text block: Teams would read Markdown in it. */
const textSchema = z.strictObject({
  type: z.literal("RichTextBlock"),
  spacing: z.enum(["Default", "None"]),
  inlines: z.array(runSchema).length(1),
});

const cardSchema = z.strictObject({
  $schema: z.url(),
  type: z.literal("AdaptiveCard"),
  version: z.enum(["1.2", "1.3", "1.4", "1.5"]),
  msteams: z.strictObject({ width: z.literal("Full") }),
  body: z.tuple(
    [
      z.strictObject({
        type: z.literal("Container"),
        id: z.string(),
        style: z.enum(["default", "emphasis", "good", "attention", "warning", "accent"]),
        bleed: z.boolean(),
        items: z.array(textSchema).min(1),
      }),
    ],
    textSchema,
  ),
  actions: z
    .array(
      z.strictObject({ type: z.literal("Action.OpenUrl"), title: z.string().min(1), url: z.url() }),
    )
    .max(6),
});

export type TeamsCard = z.infer<typeof cardSchema>;

export interface TeamsReceiver extends Receiver {
  readonly cards: readonly TeamsCard[];
}

const envelopeSchema = z.strictObject({
  type: z.literal("message"),
  attachments: z
    .array(
      z.strictObject({
        contentType: z.literal("application/vnd.microsoft.card.adaptive"),
        contentUrl: z.null(),
        content: cardSchema,
      }),
    )
    .length(1),
});

const maximumTeamsBytes = 28 * 1024;

/** A workflow answers 202 before it posts the card. */
export async function startTeams(path = "/workflows/hook-secret/run"): Promise<TeamsReceiver> {
  const cards: TeamsCard[] = [];
  const receiver = await start(0, path, (body) => {
    if (Buffer.byteLength(body) > maximumTeamsBytes) return { status: 413, answer: {} };
    const parsed = envelopeSchema.safeParse(parseJson(body));
    if (!parsed.success) return { status: 400, answer: { error: parsed.error.message } };
    cards.push(...parsed.data.attachments.map(({ content }) => content));
    return { status: 202, answer: {} };
  });
  return Object.assign(receiver, { cards });
}

const creationSchema = z.strictObject({
  message: z.string().min(1).max(130),
  alias: z.string().min(1).max(512),
  description: z.string().max(15_000),
  tags: z.array(z.string().min(1).max(50)).max(20),
  details: z.record(z.string(), z.string()).refine((details) => {
    const texts = Object.entries(details).flat();
    return texts.reduce((sum, text) => sum + text.length, 0) <= 8000;
  }),
  entity: z.string().max(512),
  source: z.string().max(100),
  user: z.string().max(100),
  priority: z.enum(["P1", "P2", "P3", "P4", "P5"]),
});

/** Of a note, a closing and an acknowledgement. */
const noteSchema = z.strictObject({
  source: z.string().max(100),
  user: z.string().max(100),
  note: z.string().max(25_000),
});

export interface OpsgenieAlert extends z.infer<typeof creationSchema> {
  count: number;
  closed: boolean;
  acknowledged: boolean;
}

export interface OpsgenieReceiver extends Receiver {
  /** Every alert that was ever opened, in order. */
  readonly alerts: readonly OpsgenieAlert[];
}

export const opsgenieKey = "0123456789ab-genie-key";

/** One open alert per alias: a second creation counts on it. Its `url` is the address before `v2/alerts`. */
export async function startOpsgenie(): Promise<OpsgenieReceiver> {
  const alerts: OpsgenieAlert[] = [];
  const openOf = (alias: string): OpsgenieAlert | undefined =>
    alerts.find((alert) => alert.alias === alias && !alert.closed);
  const taken = { status: 202, answer: { result: "Request will be processed" } };
  const receiver = await start(0, "/jsm/", (body, _atMilliseconds, { path, headers }) => {
    if (headers.authorization !== `GenieKey ${opsgenieKey}`)
      return { status: 401, answer: { message: "Could not authenticate" } };
    const [, alias, what] =
      /^v2\/alerts\/([^/?]+)\/(close|acknowledge|notes)\?identifierType=alias$/.exec(path) ?? [];
    if (path !== "v2/alerts" && alias === undefined) return { status: 404, answer: {} };
    const posted = parseJson(body);
    if (alias !== undefined) {
      if (!noteSchema.safeParse(posted).success) return { status: 422, answer: {} };
      const open = openOf(alias);
      if (open && what === "close") open.closed = true;
      if (open && what === "acknowledge") open.acknowledged = true;
      return taken;
    }
    const parsed = creationSchema.safeParse(posted);
    if (!parsed.success) return { status: 422, answer: { message: parsed.error.message } };
    const open = openOf(parsed.data.alias);
    if (open) open.count += 1;
    else alerts.push({ ...parsed.data, count: 1, closed: false, acknowledged: false });
    return taken;
  });
  return Object.assign(receiver, { alerts });
}
