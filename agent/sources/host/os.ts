/** The distribution from /etc/os-release or /usr/lib/os-release, by os-release(5). */
import { join } from "node:path";
import { osInfo, osVersion } from "../../../core/catalog/system.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import { absent, type Source } from "../source.ts";
import { createFactsReader } from "./facts.ts";
import { readText } from "./kept-file.ts";

export const osSource: Source = {
  name: "os",
  metrics: [osInfo, osVersion],
  sampling: "inventory",
  open({ env }) {
    if (readRelease(env.paths) === null)
      return absent(`neither etc/os-release nor usr/lib/os-release is under ${env.paths.rootfs}`);
    return createFactsReader({
      gather: () => parseRelease(readRelease(env.paths) ?? ""),
      declare(facts, slots) {
        const said = (key: string): string => facts[key] ?? "";
        const identity = { id: said("ID"), id_like: said("ID_LIKE"), name: said("NAME") };
        const info = slots.slot(osInfo, {
          ...identity,
          build_id: said("BUILD_ID"),
          image_id: said("IMAGE_ID"),
          image_version: said("IMAGE_VERSION"),
          pretty_name: said("PRETTY_NAME"),
          variant: said("VARIANT"),
          variant_id: said("VARIANT_ID"),
          version: said("VERSION"),
          version_codename: said("VERSION_CODENAME"),
          version_id: said("VERSION_ID"),
        });
        const version = Number(/^\d+\.?\d*/.exec(said("VERSION_ID"))?.[0] ?? 0);
        return version > 0
          ? [
              [info, 1],
              [slots.slot(osVersion, identity), version],
            ]
          : [[info, 1]];
      },
    });
  },
};

function readRelease(paths: HostPaths): string | null {
  return (
    readText(join(paths.rootfs, "etc/os-release")) ??
    readText(join(paths.rootfs, "usr/lib/os-release"))
  );
}

/** Shell assignments, one a line: quotes around the value go, a backslash before a character in double quotes goes. */
export function parseRelease(text: string): Record<string, string> {
  const facts: Record<string, string> = {};
  for (const line of text.split("\n")) {
    const match = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*?)\s*$/.exec(line);
    if (match?.[1] !== undefined) facts[match[1]] = unquote(match[2] ?? "");
  }
  return facts;
}

function unquote(value: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(value);
  if (!quoted) return value;
  return quoted[1] === '"' ? (quoted[2] ?? "").replaceAll(/\\(.)/g, "$1") : (quoted[2] ?? "");
}
