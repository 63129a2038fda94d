/** Where `warpwatch audit` reads: a running collector, or the state file of one that isn't. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { AuditHead, AuditRecord, AuditVerdict } from "../collector/state/audit.ts";
import type { AuditKey } from "../collector/state/audit-key.ts";
import { openAuditFile } from "../collector/state/audit-file.ts";
import { describeError, singleLine, systemCode, WarpwatchError } from "../core/kit/errors.ts";

export interface AuditSelection {
  readonly sinceMilliseconds: number;
  readonly kind: string;
  readonly limit: number;
}

export interface AuditSource {
  readonly name: string;
  list(selection: AuditSelection): Promise<AuditRecord[]>;
  verify(head: AuditHead | undefined): Promise<AuditVerdict>;
  close(): void;
}

const timeoutMilliseconds = 60_000;
const busyMilliseconds = 1000;
const maximumAttempts = 20;

/** Null where a collector has the file, and is to be asked. */
export function openFileSource(folder: string, keys: readonly AuditKey[]): AuditSource | null {
  const file = openAuditFile(folder, keys);
  return (
    file && {
      name: file.file,
      list: async (selection) => file.list({ ...selection, before: 0 }),
      verify: (head) => file.verify(head),
      close: () => file.close(),
    }
  );
}

const recordSchema = z.object({
  sequence: z.number(),
  timeMilliseconds: z.number(),
  kind: z.string(),
  actor: z.string(),
  subject: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
});
const listSchema = z.object({ entries: z.array(recordSchema) });
const verdictSchema = z.object({
  ok: z.boolean(),
  entries: z.number(),
  from: z.number(),
  head: z.object({ sequence: z.number(), hash: z.string() }),
  key: z.string(),
  complaint: z.string(),
});

export function openCollectorSource(url: string, tokenFile: string): AuditSource {
  const token = readToken(tokenFile);
  async function ask<Answer>(
    path: string,
    query: object,
    schema: z.ZodType<Answer>,
  ): Promise<Answer> {
    const parameters = new URLSearchParams({ ...query }).toString();
    const address = `${url.replace(/\/+$/, "")}/api/v1/${path}?${parameters}`;
    for (let attempt = 1; ; attempt += 1) {
      const { status, body } = await get(address, token);
      // Somebody else may have it verified just now.
      if (status === 429 && attempt < maximumAttempts) {
        await delay(busyMilliseconds);
        continue;
      }
      const parsed = schema.safeParse(body);
      if (status === 200 && parsed.success) return parsed.data;
      const said = z.object({ error: z.string() }).safeParse(body);
      throw failed(
        `${url} answers ${status}${said.success ? `: ${singleLine(said.data.error)}` : ""}`,
      );
    }
  }
  return {
    name: url,
    async list({ sinceMilliseconds, kind, limit }) {
      const since = new Date(sinceMilliseconds).toISOString();
      return (await ask("audit", { since, kind, limit }, listSchema)).entries;
    },
    verify: (head) =>
      ask("audit/verify", head ? { head: `${head.sequence}:${head.hash}` } : {}, verdictSchema),
    close: () => {},
  };
}

async function get(address: string, token: string): Promise<{ status: number; body: unknown }> {
  try {
    const response = await fetch(address, {
      headers: { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMilliseconds),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json") ?? false;
    return { status: response.status, body: isJson ? JSON.parse(text) : null };
  } catch (cause) {
    const inner = cause instanceof Error ? systemCode(cause.cause) : "";
    throw failed(`${address} can't be asked: ${inner || describeError(cause)}`, cause);
  }
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new WarpwatchError(
      "STATE_UNUSABLE",
      `a collector is to be asked, and its token can't be read: ${describeError(cause)}`,
      { cause },
    );
  }
}

function failed(sentence: string, cause?: unknown): WarpwatchError {
  return new WarpwatchError("CALL_FAILED", sentence, { cause });
}
