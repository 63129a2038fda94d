/** Bits that flip in the collector's state file and in the events that an agent saved: what is read then is what was written, or its damage is told. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSavedEvents, writeSavedEvents } from "../../agent/push/saved-events.ts";
import type { Alert } from "../../collector/state/alert.ts";
import type { Incident } from "../../collector/state/incident.ts";
import { tellingOf } from "../../collector/state/notification.ts";
import { openState, type State } from "../../collector/state/open.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { makeNumberedAlert } from "../kit/alerts.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import type { Random } from "../kit/random.ts";

const rows = 20;
const notifiers = [{ name: "pager" }, { name: "chat" }];
const numbers = Array.from({ length: rows }, (_, number) => number);

export interface StateFlips {
  readonly outcomes: Readonly<Record<string, number>>;
  readonly faults: readonly string[];
}

export async function flipState(
  folder: string,
  random: Random,
  flips: number,
): Promise<StateFlips> {
  mkdirSync(folder);
  const file = join(folder, "state.db");
  const whole = join(folder, "whole.db");
  const first = open(folder);
  fill(first);
  const truth = readAll(first);
  first.close();
  cpSync(file, whole);
  const outcomes: Record<string, number> = {};
  const faults: string[] = [];
  if (truth.size !== rows * 3 + rows * notifiers.length)
    faults.push("the state isn't what was put");
  for (let flip = 0; flip < flips; flip += 1) {
    for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
    const { bytes, bit } = flipped(readFileSync(whole), random);
    writeFileSync(file, bytes);
    const { outcome, problem } = look(folder, truth);
    outcomes[`state: ${outcome}`] = (outcomes[`state: ${outcome}`] ?? 0) + 1;
    if (problem !== "") faults.push(`state.db bit ${bit}: ${problem}`);
    // Other work of this process gets its turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { outcomes, faults };
}

/** Every event that is read is one that was written, and lines that are missing are told of. */
export function flipSavedEvents(random: Random): string[] {
  const events = numbers.map((sequence): WarpwatchEvent => ({
    node: "node-1",
    boot: "boot",
    sequence,
    timeMilliseconds: 1_700_000_000_000 + sequence,
    kind: "xid",
    device: "GPU-1",
    text: `XID ${sequence}`,
    fields: { xid: String(sequence) },
  }));
  const known = new Set(events.map((event) => JSON.stringify(event)));
  const written = Buffer.from(writeSavedEvents(events));
  return Array.from({ length: 2000 }, () => flipped(written, random)).flatMap(({ bytes, bit }) => {
    const found = readSavedEvents(bytes.toString("utf8"), rows * 2);
    const isRight = found.events.every((event) => known.has(JSON.stringify(event)));
    const isTold = found.events.length === rows || found.damaged.length > 0;
    return isRight && isTold ? [] : [`saved events bit ${bit}: ${JSON.stringify(found)}`];
  });
}

function flipped(whole: Buffer, random: Random): { bytes: Buffer; bit: number } {
  const bytes = Buffer.from(whole);
  const bit = random.below(bytes.length * 8);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return { bytes, bit };
}

function open(folder: string): State {
  return openState({ folder, notifiers, clock: createFakeClock(1_700_000_000_000) });
}

function fill(state: State): void {
  const alerts = numbers.map(makeNumberedAlert);
  state.alerts.commit({ changed: alerts, dropped: [], notify: [] });
  for (const number of numbers) {
    const notifier = notifiers[number % notifiers.length]?.name ?? "";
    state.silences.save({
      id: `silence-${number}`,
      matchers: [{ name: "node", value: `gpu-${number}`, isRegex: false, isEqual: true }],
      startsAtMilliseconds: number,
      endsAtMilliseconds: 2e12 + number,
      updatedAtMilliseconds: number,
      createdBy: "ann",
      comment: "swap",
    });
    state.transaction(() => state.incidents.save(incidentOf(notifier, number)));
  }
  state.transaction(() =>
    state.outbox.add(
      notifiers.flatMap(({ name }) =>
        alerts.map((alert) => ({ notifier: name, telling: tellingOf(alert) })),
      ),
    ),
  );
}

function incidentOf(notifier: string, number: number): Incident {
  return {
    notifier,
    key: `key-${number}`,
    kind: "group",
    state: number % 3 === 0 ? "waiting" : "open",
    dueMilliseconds: number % 4 === 0 ? null : 1_700_000_100_000 + number,
    openedAtMilliseconds: 1_700_000_000_000 + number,
    startedAtMilliseconds: 1_700_000_000_000,
    labels: { node: `node-${number}` },
    most: number,
    changed: false,
    toldAtMilliseconds: 1_700_000_000_000,
    calledAtMilliseconds: 1_700_000_000_000,
    repeatMilliseconds: 3_600_000,
    escalation: null,
    acknowledged: null,
  };
}

/** Everything that is in it, as texts. */
function readAll(state: State): Set<string> {
  const told = notifiers.flatMap(({ name }) =>
    state.outbox.after(name, 0).flatMap(({ sequence }) => {
      const found = state.outbox.read(sequence);
      return found === null ? [] : [{ name, ...found }];
    }),
  );
  const found = [
    ...state.alerts.load().map(withoutUnknown),
    ...state.silences.load(),
    ...state.incidents.list(rows * 2),
    ...told,
  ];
  return new Set(found.map((one) => JSON.stringify(sorted(one))));
}

/** A field that nothing knows, as a checksum whose name changed, changes no alert. */
function withoutUnknown(alert: Alert): object {
  const known = Object.keys(makeNumberedAlert(0));
  return Object.fromEntries(Object.entries(alert).filter(([name]) => known.includes(name)));
}

function sorted(value: object): object {
  return Object.fromEntries(
    Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function look(folder: string, truth: ReadonlySet<string>): { outcome: string; problem: string } {
  let state: State | null = null;
  try {
    state = open(folder);
    const found = readAll(state);
    const told = state.takeDamage().length + state.outbox.dropped.notifier_removed;
    const wrong = [...found].find((one) => !truth.has(one));
    if (wrong !== undefined) return { outcome: "wrong", problem: `${wrong} was never put` };
    if (found.size === truth.size) return { outcome: "as before", problem: "" };
    const missing = [...truth].find((one) => !found.has(one));
    return told > 0
      ? { outcome: "less, and told", problem: "" }
      : { outcome: "less", problem: `nobody says that this is missing: ${missing}` };
  } catch (thrown) {
    const sentence = describeError(thrown);
    const problem = sentence.includes("\n") ? `more than a sentence: ${sentence}` : "";
    return { outcome: "refused", problem };
  } finally {
    state?.close();
  }
}
