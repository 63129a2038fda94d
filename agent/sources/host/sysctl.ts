/** Kernel settings that an operator asks for, from the files under /proc/sys: numbers or words, as sysctl(8) names them. */
import { join } from "node:path";
import { kernelSetting, kernelSettingInfo } from "../../../core/catalog/tasks.ts";
import type { Log } from "../../../core/kit/log.ts";
import { absent, type Source } from "../source.ts";
import { readFact } from "./kept-file.ts";
import type { HostOptions } from "./options.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";

interface Setting {
  /** `fs.file-nr` */
  readonly name: string;
  /** What its numbers are called one by one; none: they go by their index. */
  readonly columns: readonly string[];
  readonly isText: boolean;
}

export function createSysctlSource({ include, includeInfo }: HostOptions["sysctl"]): Source {
  const settings = [
    ...include.map((text) => parseSetting(text, false)),
    ...includeInfo.map((text) => parseSetting(text, true)),
  ];
  return {
    name: "sysctl",
    metrics: [kernelSetting, kernelSettingInfo],
    sampling: "steady",
    open({ env, log }) {
      if (settings.length === 0)
        return absent("no setting is asked for: --collector.sysctl.include names some");
      const folder = join(env.paths.procfs, "sys");
      return createSampleReader((add) => {
        for (const setting of settings) tell(add, setting, wordsIn(folder, setting), log);
      });
    },
  };
}

/** `name` or `name:column,column`. */
function parseSetting(text: string, isText: boolean): Setting {
  const [name = "", columns] = text.split(":", 2);
  return { name, columns: columns?.split(",") ?? [], isText };
}

function wordsIn(folder: string, { name }: Setting): string[] {
  const text = readFact(join(folder, name.replaceAll(".", "/")));
  return text.split(/\s+/).filter((word) => word !== "");
}

/** A setting that can't be told as it was asked for is left out and named in the log; the others are told. */
function tell(
  add: AddSample,
  { name, columns, isText }: Setting,
  words: readonly string[],
  log: Log,
): void {
  const key = name.replaceAll(/_*[^0-9A-Za-z_]+_*/g, "_");
  if (words.length === 0 || (columns.length > 0 && (isText || words.length !== columns.length))) {
    const found = words.length === 0 ? "isn't there or is empty" : `has ${words.length} values`;
    const asked = columns.length === 0 ? "" : `, asked for as ${columns.join(",")}`;
    log.warn(`kernel setting ${name} ${found}${asked}`, { source: "sysctl" });
    return;
  }
  words.forEach((word, place) => {
    const index = String(place);
    const column = columns[place];
    if (isText) add(kernelSettingInfo, { name, value: word, index }, 1);
    else if (column !== undefined)
      add(kernelSetting.metric(`${key}_${column}`), { index: "" }, numberOf(word));
    else add(kernelSetting.metric(key), { index: words.length === 1 ? "" : index }, numberOf(word));
  });
}

function numberOf(word: string): number {
  return /^(-?\d+|0x[\da-f]+)$/i.test(word) ? Number(word) : Number.NaN;
}
