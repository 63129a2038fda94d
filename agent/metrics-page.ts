/** The metrics page: the frame and the process's own metrics as one body, rendered and packed once per sample and format. */
import { gzipSync } from "node:zlib";
import { self } from "../core/catalog/index.ts";
import type { SelfMetrics } from "../core/kit/self-metrics.ts";
import {
  createExposition,
  type Exposition,
  type ExpositionFormat,
} from "../core/wire/exposition.ts";
import type { Frame } from "../core/wire/frame.ts";
import {
  negotiateCoding,
  negotiateFormat,
  type ContentCoding,
  type NegotiatedFormat,
} from "../core/wire/negotiate.ts";
import type { Join } from "./attribution/join.ts";
import type { Sampler } from "./sampler.ts";

interface RenderedPage {
  readonly body: Buffer;
  readonly contentType: string;
  readonly coding: ContentCoding;
  /** How long ago the frame was last sent. */
  readonly ageSeconds: number;
}

export interface MetricsPage {
  render(accept: string | undefined, acceptEncoding: string | undefined): Promise<RenderedPage>;
}

type PageSampler = Pick<Sampler, "refresh" | "revision" | "ageMilliseconds">;

export interface PageOptions {
  readonly sampler: PageSampler;
  readonly exposition: Exposition;
  /** Families that stand behind the frame's. */
  readonly own: (format: ExpositionFormat) => Promise<string>;
  /** What becomes of the frame on the page. */
  readonly show: (frame: Frame) => Frame;
}

interface Negotiated extends NegotiatedFormat {
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
  readonly coding: ContentCoding;
}

interface Cached {
  revision: number;
  own: string;
  readonly bodies: Map<ContentCoding, Buffer>;
}

/** The lowest level: half the time of the default for a tenth more bytes. */
const gzipLevel = 1;

/** The whole frame. */
export function createMetricsPage(
  sampler: PageSampler,
  metrics: SelfMetrics,
  join: Join,
): MetricsPage {
  const exposition = createExposition();
  metrics.gauge(self.agentFrameAge, () => sampler.ageMilliseconds() / 1000);
  metrics.gauge(self.agentUnexposedSeries, () => exposition.skipped);
  return createPage({
    sampler,
    exposition,
    own: (format) => metrics.render(format),
    show: (frame) => ({ ...frame, schema: join.apply(frame.schema) }),
  });
}

export function createPage({
  sampler,
  exposition,
  own: renderOwn,
  show,
}: PageOptions): MetricsPage {
  const cache = new Map<ExpositionFormat, Cached>();
  let negotiated = negotiateBoth(undefined, undefined);

  /** A scraper sends the same headers every time. */
  function negotiate(accept: string | undefined, acceptEncoding: string | undefined): Negotiated {
    if (negotiated.accept !== accept || negotiated.acceptEncoding !== acceptEncoding)
      negotiated = negotiateBoth(accept, acceptEncoding);
    return negotiated;
  }

  return {
    async render(accept, acceptEncoding) {
      const { format, contentType, coding } = negotiate(accept, acceptEncoding);
      const own = await renderOwn(format);
      const frame = await sampler.refresh();
      // From here on nothing awaits: the next tick writes into the same buffers.
      let cached = cache.get(format);
      if (cached?.revision !== sampler.revision || cached.own !== own) {
        cached = { revision: sampler.revision, own, bodies: new Map() };
        cache.set(format, cached);
      }
      let body = cached.bodies.get(coding);
      if (!body) {
        const rendered = exposition.render(show(frame), format, { append: own });
        // A copy: answers that wait for a slow client outlive the writer's buffer.
        body = coding === "gzip" ? gzipSync(rendered, { level: gzipLevel }) : Buffer.from(rendered);
        cached.bodies.set(coding, body);
      }
      return { body, contentType, coding, ageSeconds: sampler.ageMilliseconds() / 1000 };
    },
  };
}

function negotiateBoth(accept: string | undefined, acceptEncoding: string | undefined): Negotiated {
  const coding = negotiateCoding(acceptEncoding);
  return { accept, acceptEncoding, coding, ...negotiateFormat(accept) };
}
