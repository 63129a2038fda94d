/** The pages of a view: its metrics under /metrics, and the landing page that points there. */
import { createExposition } from "../../core/wire/exposition.ts";
import type { Answer, Handler } from "../listener.ts";
import { createPage, type MetricsPage } from "../metrics-page.ts";
import { answerWithPage } from "../page-answer.ts";
import type { Sampler } from "../sampler.ts";
import { createMask, type Selection, type View } from "./view.ts";

/** Scrapers ask for a handful of selections; each has its rendered bytes. The one that was asked first goes first. */
const maximumPages = 16;

export function createViewHandlers(view: View, sampler: Sampler): Map<string, Handler> {
  const pages = new Map<string, MetricsPage>();

  function pageOf(selection: Selection): MetricsPage {
    let page = pages.get(selection.key);
    if (page) return page;
    for (const oldest of pages.keys()) {
      if (pages.size < maximumPages) break;
      pages.delete(oldest);
    }
    page = createPage({
      sampler,
      exposition: createExposition(),
      own: (format) => selection.own(format),
      show: createMask((series, source) => selection.accepts(series, source)),
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
        return typeof selection === "string"
          ? { status: 400, body: `${selection}\n` }
          : answerWithPage(pageOf(selection), sampler, headers);
      },
    ],
  ]);
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
