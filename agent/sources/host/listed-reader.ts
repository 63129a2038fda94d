/**
 * A reader of devices that are folders of /sys with a value per file. They are listed on a slow clock, and in between
 * only read: the listing notes which folders and texts it looked at, and is made anew when one of them says otherwise.
 */
import { readdirSync } from "node:fs";
import type { Device } from "../../../core/catalog/device.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import { systemCode, WarpwatchError } from "../../../core/kit/errors.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Absent, type Reader, type ReadResult } from "../source.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import {
  agendaOf,
  dueIn,
  makeBytesEntry,
  makeEntry,
  makeFact,
  latestOf,
  readAll,
  writeAll,
  type BytesOptions,
  type Declared,
  type ValueOptions,
} from "./listed-entry.ts";
import { createLineTable, type LinePlanner, type LineTable } from "./line-table.ts";
import { createPatientRounds } from "./patient-round.ts";
import { createValueFiles, type ParseBytes, type ValueFile } from "./value-file.ts";

export interface Listing {
  /** The names in a folder that the pattern matches, in the order of their numbers; none where it can't be read. */
  folder(path: string, pattern?: RegExp): readonly string[];
  /** The text of a file, empty where there is none. `watched`: looked at in every round, not only with each listing. */
  text(path: string, watched?: "watched"): string;
  /** A series whose sample is the number in the file; none, and nothing returned, where the file can't be opened. */
  value<Label extends string>(
    path: string,
    metric: Metric<Label>,
    labels: LabelValues<Label>,
    options?: ValueOptions,
  ): Latest | undefined;
  /** A series whose sample is made of the bytes of a file that holds no text. */
  bytes<Label extends string>(
    path: string,
    metric: Metric<Label>,
    labels: LabelValues<Label>,
    parse: ParseBytes,
    options?: BytesOptions,
  ): void;
  /** A series whose sample is worked out of the others' in every round, after them. */
  derived<Label extends string>(
    metric: Metric<Label>,
    labels: LabelValues<Label>,
    compute: () => number,
    device?: Device,
  ): void;
  /** A file of keyed lines, whose series the planner declares as it meets them; nothing where it can't be opened. */
  table(path: string, plan: (slots: SlotRegistrar) => LinePlanner): void;
  /** A series whose sample stays until the next listing. */
  fact<Label extends string>(
    metric: Metric<Label>,
    labels: LabelValues<Label>,
    value?: number,
    device?: Device,
  ): void;
}

/** What a value came to in this round, and after it what it told also; for those that are derived. */
export type Latest = () => readonly number[];

export interface ListedReaderOptions {
  readonly clock: Clock;
  /** Says what there is; depends on nothing but what the listing answers. */
  readonly list: (listing: Listing) => void;
  readonly relistMilliseconds?: number;
  /** Drivers ask their devices for the values, which can take long. */
  readonly fromHardware?: boolean;
  /** Why there is none, when the listing finds nothing. */
  readonly absent: string;
}

interface Table {
  readonly file: KeptFile;
  readonly lines: LineTable;
  readonly plan: (slots: SlotRegistrar) => LinePlanner;
}

/** What the listing looked at, as the kernel said it: a folder's names in the kernel's own order, or a text. */
interface Looked {
  readonly path: string;
  readonly isFolder: boolean;
  readonly answer: string;
}

interface WatchedText {
  readonly file: ValueFile;
  readonly text: string;
}

const defaultRelistMilliseconds = 10_000;
const maximumNames = 4096;
const maximumDeclared = 50_000;

/** Throws PATH_UNREADABLE where a folder is there and may not be read. */
export function openListedReader(options: ListedReaderOptions): Reader | Absent {
  const reader = createListedReader(options);
  if (reader.isEmpty()) {
    reader.close();
    return absent(options.absent);
  }
  return reader;
}

function createListedReader(options: ListedReaderOptions): Reader & { isEmpty(): boolean } {
  const { clock, relistMilliseconds = defaultRelistMilliseconds } = options;
  const openFile = createValueFiles();
  const patient = createPatientRounds(clock);
  let open = new Map<string, ValueFile>();
  let declared: Declared[] = [];
  let agenda = agendaOf(declared);
  let looked: Looked[] = [];
  let watched: WatchedText[] = [];
  const tables: Table[] = [];
  let listedAt = -Infinity;
  /** The listing is newer than the last round. */
  let fresh = false;

  /** Files that the new listing names again stay open. */
  function list(): void {
    const before = open;
    open = new Map();
    declared = [];
    looked = [];
    watched = [];
    closeAll(tables.splice(0));
    listedAt = clock.monotonic();
    fresh = true;
    const use = (path: string): ValueFile => {
      const file = open.get(path) ?? before.get(path) ?? openFile(path);
      open.set(path, file);
      return file;
    };
    // What is read once a minute isn't worth a descriptor.
    const useSettled = relistMilliseconds > defaultRelistMilliseconds ? openOnce : use;
    options.list(createListing({ use, useSettled, declared, looked, watched, tables }));
    agenda = agendaOf(declared);
    for (const [path, file] of before) if (!open.has(path)) file.close();
  }

  list();
  return {
    isEmpty: () => declared.length === 0 && tables.length === 0,
    register(slots) {
      if (!fresh) list();
      for (const entry of declared) {
        entry.slot = entry.declare(slots);
        entry.twinSlot = entry.options.twin?.(slots) ?? -1;
        for (const each of entry.also) each.slot = each.declare(slots);
      }
      for (const table of tables) learn(table, slots);
    },
    read(column, signal) {
      const isFirst = fresh;
      fresh = false;
      for (const { file, text } of watched) if ((file.readText() ?? "") !== text) return "changed";
      const due = clock.monotonic() - listedAt >= relistMilliseconds;
      if (due) {
        if (!looked.every(isStillSo)) return "changed";
        listedAt = clock.monotonic();
      }
      if (declared.length === 0 && tables.length === 0)
        throw new WarpwatchError("PATH_UNREADABLE", `what was there is gone: ${options.absent}`);
      const all = due || isFirst;
      const finish = (): ReadResult => {
        writeAll(declared, column);
        return tables.every((table) => follow(table, column)) ? undefined : "changed";
      };
      if (options.fromHardware === true)
        return patient.run(dueIn(agenda, all), signal).then(finish);
      readAll(agenda, all);
      return finish();
    },
    close() {
      closeAll(tables);
      for (const file of open.values()) file.close();
      open.clear();
    },
  };
}

/** A file that can't be read now has no lines. */
function readTable({ file }: Table): boolean {
  try {
    file.read();
    return true;
  } catch {
    return false;
  }
}

function learn(table: Table, slots: SlotRegistrar): void {
  const length = readTable(table) ? table.file.length : 0;
  table.lines.learn(table.file.bytes, length, table.plan(slots));
}

/** False when the lines aren't those that were learned; a file that can't be read leaves its series absent. */
function follow(table: Table, column: Float64Array): boolean {
  return !readTable(table) || table.lines.follow(table.file.bytes, table.file.length, column);
}

function closeAll(tables: readonly Table[]): void {
  for (const { file } of tables) file.close();
}

/** A file that may not be opened is left out like one that isn't there. */
function openTable(path: string): KeptFile | null {
  try {
    return openKeptFile(path, { initialBytes: 1024 });
  } catch {
    return null;
  }
}

function createListing(into: {
  readonly use: (path: string) => ValueFile;
  readonly useSettled: (path: string) => ValueFile;
  readonly declared: Declared[];
  readonly looked: Looked[];
  readonly watched: WatchedText[];
  readonly tables: Table[];
}): Listing {
  const { use, useSettled, declared, looked, watched, tables } = into;
  const add = (entry: Declared): void => {
    if (declared.length < maximumDeclared) declared.push(entry);
  };
  return {
    folder(path, pattern = /./) {
      const names = readFolder(path);
      looked.push({ path, isFolder: true, answer: names.join("\n") });
      return names
        .filter((name) => pattern.test(name))
        .slice(0, maximumNames)
        .sort(byNumber);
    },
    text(path, often) {
      if (often === "watched") {
        const file = use(path);
        const text = file.readText() ?? "";
        watched.push({ file, text });
        return text;
      }
      const text = readTextOnce(path);
      looked.push({ path, isFolder: false, answer: text });
      return text;
    },
    value(path, metric, labels, valueOptions = {}) {
      const file = valueOptions.settled === true ? useSettled(path) : use(path);
      if (!file.opens()) return undefined;
      const declare = (slots: SlotRegistrar): number =>
        slots.slot(metric, labels, valueOptions.device);
      const entry = makeEntry(declare, file, valueOptions, metric.kind === "counter");
      add(entry);
      return () => latestOf(entry);
    },
    bytes(path, metric, labels, parse, bytesOptions = {}) {
      const file = bytesOptions.settled === true ? useSettled(path) : use(path);
      if (!file.opens()) return;
      const declare = (slots: SlotRegistrar): number =>
        slots.slot(metric, labels, bytesOptions.device);
      add(makeBytesEntry(declare, file, parse, bytesOptions));
    },
    derived(metric, labels, compute, device) {
      add(makeFact((slots) => slots.slot(metric, labels, device), compute));
    },
    table(path, plan) {
      const file = openTable(path);
      if (file) tables.push({ file, lines: createLineTable(), plan });
    },
    fact(metric, labels, value = 1, device) {
      add(
        makeFact(
          (slots) => slots.slot(metric, labels, device),
          () => value,
        ),
      );
    },
  };
}

const openOnce = createValueFiles(0);

function readTextOnce(path: string): string {
  return openOnce(path).readText() ?? "";
}

function isStillSo({ path, isFolder, answer }: Looked): boolean {
  return (isFolder ? readFolder(path).join("\n") : readTextOnce(path)) === answer;
}

/** The names in it in the kernel's order, which stays while nothing changes; none where there is no such folder. */
function readFolder(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (systemCode(error) === "EACCES")
      throw new WarpwatchError("PATH_UNREADABLE", `${path} can't be read: EACCES`, {
        cause: error,
      });
    return [];
  }
}

/** Sorts so that eth2 comes before eth10. */
function byNumber(left: string, right: string): number {
  const difference = numberOf(left) - numberOf(right);
  return difference !== 0 ? difference : left < right ? -1 : left === right ? 0 : 1;
}

function numberOf(name: string): number {
  return Number(/\d+/.exec(name)?.[0] ?? -1);
}
