/**
 * Events on their way to the collector: at once, before and beside any frame. During an outage they wait in memory and, as
 * they are few, all of them in one file that is written anew, so that a restart of the agent loses none.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../../core/kit/clock.ts";
import { describeError, systemCode } from "../../core/kit/errors.ts";
import { encodeEvents } from "../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { eventsPath, pushHeaders, pushLimits } from "../../core/wire/push.ts";
import { packBody } from "./body.ts";
import type { Post, PushResult } from "./client.ts";
import type { Complaints } from "./complaints.ts";
import type { Retry } from "./retry.ts";
import { readSavedEvents, writeSavedEvents } from "./saved-events.ts";

export interface EventsLane {
  readonly waiting: number;
  accept(event: WarpwatchEvent): void;
  stop(): Promise<void>;
}

export interface EventsLaneOptions {
  readonly post: Post;
  readonly clock: Clock;
  readonly instance: string;
  readonly boot: string;
  /** Empty: events wait in memory alone. */
  readonly folder: string;
  readonly retry: Retry;
  readonly complaints: Complaints;
  readonly onDrop: (events: number, sentence: string) => void;
}

const capacity = 2000;
const saveMilliseconds = 1000;
const fileName = "events.jsonl";
/** Lines that were damaged on disk, of the last start that found some; nothing reads it but people. */
const damagedName = "events.damaged.jsonl";

export function createEventsLane(options: EventsLaneOptions): EventsLane {
  const { clock, retry, complaints, onDrop } = options;
  const file = options.folder === "" ? "" : join(options.folder, fileName);
  const queue: WarpwatchEvent[] = file === "" ? [] : load();
  let isSaved = queue.length > 0;
  let sending: Promise<void> | null = null;
  let saving: Promise<void> = Promise.resolve();
  let saveTimer: Timer | null = null;
  let stopped = false;
  if (queue.length > 0) pump();

  function load(): WarpwatchEvent[] {
    const { events, damaged } = readSaved(file);
    if (damaged.length === 0) return events;
    onDrop(damaged.length, `events that waited were damaged on disk: they are in ${damagedName}`);
    try {
      writeFileSync(join(options.folder, damagedName), damaged.join("\n"), { mode: 0o600 });
    } catch (thrown) {
      complaints.failed("PUSH_FAILED", `damaged events can't be kept: ${describeError(thrown)}`);
    }
    return events;
  }

  function pump(): void {
    if (sending || stopped || retry.waiting || queue.length === 0) return;
    sending = run(queue.slice(0, pushLimits.eventsPerRequest));
  }

  async function run(batch: readonly WarpwatchEvent[]): Promise<void> {
    const body = packBody(Buffer.from(encodeEvents(batch)));
    const result = await options.post({
      path: eventsPath,
      headers: {
        ...body.headers,
        "content-type": "application/x-ndjson",
        [pushHeaders.agent]: encodeURIComponent(options.instance),
        [pushHeaders.boot]: options.boot,
      },
      body: body.bytes,
    });
    sending = null;
    conclude(batch, result);
  }

  function conclude(batch: readonly WarpwatchEvent[], result: PushResult): void {
    if (result.kind === "settled") {
      forget(batch);
      if (result.refused > 0) onDrop(result.refused, "the collector can't read them");
    } else if (result.kind === "refused" || result.kind === "too_large") {
      complaints.failed("PUSH_REFUSED", result.sentence);
      forget(batch);
      onDrop(batch.length, result.sentence);
    } else {
      const asked = result.kind === "later" ? result.waitMilliseconds : null;
      const sentence = result.kind === "again" ? "an odd answer" : result.sentence;
      complaints.failed(result.kind === "denied" ? "PUSH_REFUSED" : "PUSH_FAILED", sentence);
      retry.after(asked, pump);
      scheduleSave();
      return;
    }
    retry.succeeded();
    if (queue.length === 0) complaints.succeeded();
    if (isSaved) scheduleSave();
    pump();
  }

  function forget(batch: readonly WarpwatchEvent[]): void {
    const settled = new Set(batch);
    const left = queue.filter((event) => !settled.has(event));
    queue.splice(0, queue.length, ...left);
  }

  function scheduleSave(): void {
    if (file === "" || stopped) return;
    saveTimer ??= clock.after(saveMilliseconds, () => {
      saveTimer = null;
      saving = saving.then(save);
    });
  }

  async function save(): Promise<void> {
    try {
      isSaved = queue.length > 0;
      if (!isSaved) {
        await rm(file, { force: true });
        return;
      }
      await writeFile(`${file}.new`, writeSavedEvents(queue), { mode: 0o600, flush: true });
      await rename(`${file}.new`, file);
    } catch (thrown) {
      complaints.failed("PUSH_FAILED", `events can't be saved: ${describeError(thrown)}`);
    }
  }

  return {
    get waiting() {
      return queue.length;
    },
    accept(event) {
      if (queue.length >= capacity) {
        queue.shift();
        onDrop(1, `${capacity} events wait already: the oldest are dropped`);
      }
      queue.push(event);
      if (retry.waiting) scheduleSave();
      pump();
    },
    async stop() {
      stopped = true;
      retry.cancel();
      saveTimer?.cancel();
      await saving;
      if (file !== "" && (queue.length > 0 || isSaved)) await save();
    },
  };
}

function readSaved(file: string): ReturnType<typeof readSavedEvents> {
  try {
    mkdirSync(join(file, ".."), { recursive: true, mode: 0o700 });
    return readSavedEvents(readFileSync(file, "utf8"), capacity);
  } catch (thrown) {
    if (systemCode(thrown) === "ENOENT") return { events: [], damaged: [] };
    throw thrown;
  }
}
