/** The pages of a view: its metrics under /metrics, and the landing page that points there. */
import { createExposition } from "../../core/wire/exposition.ts";
import type { Join } from "../attribution/join.ts";
import type { Answer, Handler } from "../listener.ts";
import { createPage, type MetricsPage } from "../metrics-page.ts";
import { answerWithPage } from "../page-answer.ts";
import type { Sampler } from "../sampler.ts";
import { createMask, type Selection, type View } from "./view.ts";

/** Scrapers ask for a handful of selections; each has its rendered bytes. The one that was asked first goes first. */
const maximumPages = 16;

export function createViewHandlers(view: View, sampler: Sampler, join: Join): Map<string, Handler> {
  const pages = new Map<string, MetricsPage>();

  function pageOf(selection: Selection): MetricsPage {
    let page = pages.get(selection.key);
    if (page) return page;
    for (const oldest of pages.keys()) {
      if (pages.size < maximumPages) break;
      pages.delete(oldest);
    }
    const mask = createMask((series, source) => selection.accepts(series, source));
    page = createPage({
      sampler,
      exposition: createExposition(),
      own: (format) => selection.own(format),
      show(frame) {
        const shown = mask(frame);
        return { ...shown, schema: join.apply(shown.schema) };
      },
    });
    pages.set(selection.key, page);
    return page;
  }

  return new Map<string, Handler>([
    ["/", () => landing(view)],
    [
      "/metrics",
      ({ url = "", headers }) => {
        const selection = view.select(new URL(url, "http://here").searchParams);
        if (typeof selection === "string") return { status: 400, body: `${selection}\n` };
        return answerAs(view, (accepted) =>
          answerWithPage(pageOf(selection), sampler, { ...headers, ...accepted }),
        );
      },
    ],
    ...[...(view.answers ?? [])].map(([path, answer]): [string, Handler] => [path, () => answer]),
  ]);
}

/** Where the original doesn't negotiate, neither does its view. */
async function answerAs(
  { contentType }: View,
  answer: (accepted: { readonly accept?: string }) => Promise<Answer>,
): Promise<Answer> {
  if (contentType === undefined) return answer({});
  const made = await answer({ accept: "text/plain" });
  return { ...made, headers: { ...made.headers, "Content-Type": contentType } };
}

function landing({ name }: View): Answer {
  return {
    status: 200,
    body: `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Warpwatch as ${name}</title></head>
<body>
<h1>Warpwatch as ${name}</h1>
<p><a href="/metrics">Metrics</a></p>
</body>
</html>
`,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    },
  };
}
