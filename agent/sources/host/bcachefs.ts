/** bcachefs filesystems from /sys/fs/bcachefs/<uuid>: tables and counters that the module prints for people to read. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import * as bcache from "../../../core/catalog/bcache.ts";
import { absent, type Source } from "../source.ts";
import { readFact } from "./kept-file.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";
import { parseShortened } from "./shortened-number.ts";

export const bcachefsSource: Source = {
  name: "bcachefs",
  metrics: [
    bcache.bcachefsInfo,
    bcache.bcachefsCacheSize,
    bcache.bcachefsCounter,
    bcache.bcachefsCompressed,
    bcache.bcachefsUncompressed,
    bcache.bcachefsErrors,
    bcache.bcachefsTreeWrites,
    bcache.bcachefsTreeWriteSize,
    bcache.bcachefsDeviceInfo,
    bcache.bcachefsBucketSize,
    bcache.bcachefsBuckets,
    bcache.bcachefsDurability,
    bcache.bcachefsTraffic,
    bcache.bcachefsDeviceErrors,
  ],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "fs/bcachefs");
    if (namesIn(folder).length === 0)
      return absent(`no filesystem is under ${folder}: none of bcachefs is mounted`);
    return createSampleReader((add) => {
      for (const uuid of namesIn(folder)) tellFilesystem(add, join(folder, uuid), uuid);
    });
  },
};

function tellFilesystem(add: AddSample, folder: string, uuid: string): void {
  const text = (file: string): string => readFact(join(folder, file));
  add(bcache.bcachefsInfo, { uuid }, 1);
  add(bcache.bcachefsCacheSize, { uuid }, parseShortened(text("btree_cache_size")));
  for (const name of namesIn(join(folder, "counters"))) {
    const metric = bcache.bcachefsCounter.metric(`${name.replaceAll(/\W+/g, "_")}_total`);
    add(metric, { uuid }, sinceMade(text(join("counters", name))));
  }
  for (const [algorithm = "", compressed, uncompressed] of rowsBelow(text("compression_stats"))) {
    add(bcache.bcachefsCompressed, { uuid, algorithm }, parseShortened(compressed ?? ""));
    add(bcache.bcachefsUncompressed, { uuid, algorithm }, parseShortened(uncompressed ?? ""));
  }
  for (const [type = "", count, size] of rowsBelow(text("btree_write_stats"))) {
    add(bcache.bcachefsTreeWrites, { uuid, type }, parseShortened(count ?? ""));
    add(bcache.bcachefsTreeWriteSize, { uuid, type }, parseShortened(size ?? ""));
  }
  for (const [type = "", count] of rowsIn(text("errors")))
    add(bcache.bcachefsErrors, { uuid, error_type: type }, parseShortened(count ?? ""));
  for (const name of namesIn(folder).filter((one) => one.startsWith("dev-")))
    tellDevice(add, join(folder, name), { uuid, device: name.slice("dev-".length) });
}

function tellDevice(
  add: AddSample,
  folder: string,
  labels: { readonly uuid: string; readonly device: string },
): void {
  const text = (file: string): string => readFact(join(folder, file)).trim();
  add(bcache.bcachefsDeviceInfo, { ...labels, label: text("label"), state: text("state") }, 1);
  add(bcache.bcachefsBucketSize, labels, parseShortened(text("bucket_size")));
  add(bcache.bcachefsBuckets, labels, parseShortened(text("nbuckets")));
  add(bcache.bcachefsDurability, labels, parseShortened(text("durability")));
  let operation = "";
  for (const [, key = "", value = ""] of text("io_done").matchAll(/^\s*(\w+)\s*:\s*(\d*)$/gm))
    if (value === "") operation = key;
    else add(bcache.bcachefsTraffic, { ...labels, operation, data_type: key }, Number(value));
  // Two tables: since the filesystem was made, and since somebody set the counts back.
  const [made = ""] = text("io_errors").split(/^IO errors since (?!filesystem creation)/m);
  for (const [, type = "", value = ""] of made.matchAll(/^\s+(\w+)\s*:\s*(\d+)$/gm))
    add(bcache.bcachefsDeviceErrors, { ...labels, type }, Number(value));
}

function sinceMade(text: string): number {
  return parseShortened(/^since filesystem creation:\s*(\S+)/m.exec(text)?.[1] ?? "");
}

/** Words by line; the first may end with a colon. */
function rowsIn(text: string): string[][] {
  return text
    .split("\n")
    .map((line) => line.trim().split(/:?\s+/))
    .filter((words) => words.length > 1);
}

/** A heading, then rows. */
function rowsBelow(text: string): string[][] {
  return rowsIn(text.replace(/^.*\n/, "")).filter((words) => words.length > 2);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
