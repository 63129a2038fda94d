/** The demo's pager: takes events as PagerDuty's Events API v2 does, on loopback, and says when an incident opens and ends. */
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { z } from "zod";
import { singleLine } from "../../core/kit/errors.ts";

export interface Page {
  readonly action: "trigger" | "resolve";
  readonly severity: string;
  readonly summary: string;
}

export interface Pager {
  readonly url: string;
  close(): void;
}

const maximumBytes = 512_000;
const maximumIncidents = 1000;
const eventSchema = z.object({
  dedup_key: z.string(),
  event_action: z.enum(["trigger", "acknowledge", "resolve"]),
  payload: z.object({ summary: z.string(), severity: z.string() }),
});

export async function startPager(onPage: (page: Page) => void): Promise<Pager> {
  const open = new Set<string>();

  function take(body: string): number {
    const parsed = eventSchema.safeParse(parseJson(body));
    if (!parsed.success) return 400;
    const { dedup_key: key, event_action: action, payload } = parsed.data;
    const { severity } = payload;
    const summary = singleLine(payload.summary);
    if (action === "trigger" && !open.has(key) && open.size < maximumIncidents) {
      open.add(key);
      onPage({ action, severity, summary });
    }
    if (action === "resolve" && open.delete(key)) onPage({ action, severity, summary });
    return 202;
  }

  const server = createServer((request, response) => {
    readBody(request).then(
      (body) => {
        const status = body === null ? 413 : take(body);
        response.writeHead(status, { "content-type": "application/json" }).end("{}");
      },
      () => response.destroy(),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v2/enqueue`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Null when it is longer than PagerDuty takes. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maximumBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
