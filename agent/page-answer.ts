/** A metrics page as an answer: in the format and coding that the request's headers ask for, with the age of what it says. */
import type { IncomingHttpHeaders } from "node:http";
import type { Answer } from "./listener.ts";
import type { MetricsPage } from "./metrics-page.ts";
import type { Sampler } from "./sampler.ts";

export async function answerWithPage(
  page: MetricsPage,
  sampler: Pick<Sampler, "ageMilliseconds">,
  headers: IncomingHttpHeaders,
): Promise<Answer> {
  if (sampler.ageMilliseconds() === Infinity)
    return { status: 503, body: "Warpwatch's agent is starting\n" };
  const rendered = await page.render(headers.accept, joined(headers["accept-encoding"]));
  return {
    status: 200,
    body: rendered.body,
    headers: {
      "Content-Type": rendered.contentType,
      Vary: "Accept, Accept-Encoding",
      "Warpwatch-Sample-Age-Seconds": rendered.ageSeconds.toFixed(3),
      ...(rendered.coding === "gzip" ? { "Content-Encoding": "gzip" } : {}),
    },
  };
}

function joined(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}
