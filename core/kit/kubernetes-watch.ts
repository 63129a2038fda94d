/**
 * Objects of the Kubernetes API as they are now: listed once, then watched from the list's version on
 * (kubernetes.io/docs: "Kubernetes API Concepts", efficient detection of changes).
 */
import { hash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { StringDecoder } from "node:string_decoder";
import { backoffMilliseconds } from "./backoff.ts";
import { sleep, type Clock } from "./clock.ts";
import { describeError, WarpwatchError } from "./errors.ts";
import { askKubernetes, gone, isGone, type KubernetesAccess } from "./kubernetes-api.ts";

export interface KubernetesObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string | undefined;
    readonly resourceVersion?: string | undefined;
  };
}

export interface WatchOptions<Item> {
  readonly access: KubernetesAccess;
  /** `/api/v1/pods`, or those of a namespace; worked out for each list, since the account's files tell some of it. */
  readonly path: () => string;
  readonly labelSelector: string;
  readonly fieldSelector: string;
  /** What is kept of an object; null: it is of no interest. */
  readonly keep: (object: KubernetesObject) => Item | null;
  readonly maximumItems: number;
  readonly clock: Clock;
  /** A hexadecimal id: collectors that lost their API server together don't come back together. */
  readonly jitter: string;
  /** Hears each new trouble once. */
  readonly onError: (sentence: string) => void;
}

export interface Watched<Item> {
  /** By `namespace/name`. */
  readonly items: ReadonlyMap<string, Item>;
  /** Rises when an item is another, came or went. */
  readonly version: number;
  /** The list was whole once; before that `items` says nothing. */
  readonly listed: boolean;
  /** One sentence while the API can't be asked; the items are then as they were. */
  readonly error: string | null;
  stop(): void;
}

const pageItems = 500;
const maximumPageBytes = 64 * 1024 * 1024;
const maximumLineCharacters = 4 * 1024 * 1024;
const listMilliseconds = 30_000;
/** The server ends a watch after this; a little later we do. */
const watchSeconds = 290;
const watchGraceMilliseconds = 20_000;
/** A watch that lasted this long was none that failed. */
const steadyMilliseconds = 5000;

export function watchKubernetes<Item>(options: WatchOptions<Item>): Watched<Item> {
  const { clock } = options;
  const stopping = new AbortController();
  const items = new Map<string, Item>();
  /** A digest of each item: a heartbeat that changes nothing of it is told apart without a second copy. */
  const shapes = new Map<string, string>();
  let version = 0;
  let listed = false;
  let error: string | null = null;
  let resourceVersion = "";

  function put(object: KubernetesObject): void {
    const key = keyOf(object);
    const item = options.keep(object);
    if (item === null) {
      remove(key);
      return;
    }
    const shape = hash("sha256", JSON.stringify(item), "base64");
    if (shapes.get(key) === shape) return;
    if (!items.has(key) && items.size >= options.maximumItems)
      throw tooMany(options.path(), options.maximumItems);
    items.set(key, item);
    shapes.set(key, shape);
    version += 1;
  }

  function remove(key: string): void {
    if (!items.delete(key)) return;
    shapes.delete(key);
    version += 1;
  }

  async function list(): Promise<void> {
    const seen = new Set<string>();
    let next = "";
    let newest = "";
    do {
      const page = await listPage(options, next, stopping.signal);
      for (const object of page.items) {
        put(object);
        seen.add(keyOf(object));
      }
      next = page.next;
      newest = page.resourceVersion;
    } while (next !== "");
    for (const key of items.keys()) if (!seen.has(key)) remove(key);
    resourceVersion = newest;
    if (!listed) version += 1;
    listed = true;
  }

  function take(line: string): void {
    const { type, object } = parseJson(line) as WatchEvent;
    if (type === "ERROR") throw object.code === 410 ? gone() : failed(object.message);
    if (!object.metadata) throw failed("it isn't an event of a watch");
    if (type === "DELETED") remove(keyOf(object as KubernetesObject));
    else if (type !== "BOOKMARK") put(object as KubernetesObject);
    resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
  }

  async function run(): Promise<void> {
    let attempt = 0;
    while (!stopping.signal.aborted) {
      let began = clock.monotonic();
      try {
        if (resourceVersion === "") await list();
        began = clock.monotonic();
        await watchOnce(options, resourceVersion, stopping.signal, {
          opened: () => (error = null),
          take,
        });
      } catch (thrown) {
        if (stopping.signal.aborted) return;
        if (isGone(thrown)) resourceVersion = "";
        else tell(describeError(thrown));
      }
      attempt = clock.monotonic() - began >= steadyMilliseconds ? 1 : attempt + 1;
      await sleep(clock, backoffMilliseconds(attempt, options.jitter), stopping.signal);
    }
  }

  function tell(sentence: string): void {
    if (sentence !== error) options.onError(sentence);
    error = sentence;
  }

  void run();
  return {
    items,
    get version() {
      return version;
    },
    get listed() {
      return listed;
    },
    get error() {
      return error;
    },
    stop: () => stopping.abort(),
  };
}

interface WatchEvent {
  readonly type: string;
  readonly object: {
    readonly metadata?: { readonly resourceVersion?: string | undefined };
    readonly code?: number;
    readonly message?: string;
  };
}

interface Page {
  readonly items: readonly KubernetesObject[];
  readonly resourceVersion: string;
  /** Where the next page begins; empty after the last. */
  readonly next: string;
}

async function listPage<Item>(
  options: WatchOptions<Item>,
  next: string,
  stopping: AbortSignal,
): Promise<Page> {
  return within(options.clock, listMilliseconds, stopping, async (signal) => {
    const response = await askKubernetes(options.access, {
      path: options.path(),
      query: { ...selectors(options), limit: String(pageItems), continue: next },
      signal,
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maximumPageBytes) throw failed(`it is over ${maximumPageBytes} bytes`);
      chunks.push(chunk);
    }
    const parsed = parseJson(Buffer.concat(chunks).toString("utf8")) as {
      readonly items?: readonly KubernetesObject[] | null;
      readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
    };
    if (!Array.isArray(parsed.items) || typeof parsed.metadata?.resourceVersion !== "string")
      throw failed("it is no list of objects");
    const { resourceVersion, continue: following = "" } = parsed.metadata;
    return { items: parsed.items, resourceVersion, next: following };
  });
}

/** One watch, until the server ends it. */
async function watchOnce<Item>(
  options: WatchOptions<Item>,
  resourceVersion: string,
  stopping: AbortSignal,
  { opened, take }: { readonly opened: () => void; readonly take: (line: string) => void },
): Promise<void> {
  const longest = watchSeconds * 1000 + watchGraceMilliseconds;
  await within(options.clock, longest, stopping, async (signal) => {
    const response = await askKubernetes(options.access, {
      path: options.path(),
      query: {
        ...selectors(options),
        watch: "1",
        allowWatchBookmarks: "true",
        timeoutSeconds: String(watchSeconds),
        resourceVersion,
      },
      signal,
    });
    opened();
    try {
      await readLines(response, take);
    } catch (thrown) {
      // A connection that breaks is how watches end when a server restarts: the next question tells whether it is there.
      if (thrown instanceof WarpwatchError) throw thrown;
    }
  });
}

async function readLines(response: IncomingMessage, take: (line: string) => void): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of response as AsyncIterable<Buffer>) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maximumLineCharacters)
      throw failed(`an event is over ${maximumLineCharacters} characters`);
    for (const line of lines) if (line !== "") take(line);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw failed("it isn't JSON");
  }
}

function selectors({
  labelSelector,
  fieldSelector,
}: Pick<WatchOptions<unknown>, "labelSelector" | "fieldSelector">): Record<string, string> {
  return { labelSelector, fieldSelector };
}

async function within<Result>(
  clock: Clock,
  milliseconds: number,
  stopping: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const deadline = new AbortController();
  const timer = clock.after(milliseconds, () => deadline.abort());
  try {
    return await work(AbortSignal.any([deadline.signal, stopping]));
  } finally {
    timer.cancel();
    // Also ends what is left of an answer that isn't wanted.
    deadline.abort();
  }
}

function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}

function failed(reason = "no reason given"): WarpwatchError {
  return new WarpwatchError("TARGET_REFUSED", `the API server's answer can't be used: ${reason}`);
}

function tooMany(path: string, maximum: number): WarpwatchError {
  return new WarpwatchError(
    "LIMIT_REACHED",
    `${path} has more than ${maximum} objects: choose fewer by namespace or label`,
  );
}
