/** Who has the ports: ours, another program by name where it can be seen, or nobody. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { singleLine } from "../../core/kit/errors.ts";
import { ask } from "./ask.ts";
import { fail, ok, warn, type Address, type Check } from "./check.ts";
import { readToken } from "./processes.ts";

const listening = "0A";
/** As the originals take them. */
const exporterPorts = [
  { port: 9100, program: "node_exporter" },
  { port: 9400, program: "dcgm-exporter" },
] as const;

export const portsCheck: Check = {
  name: "ports",
  meaning: "agent and collector each need one to listen on",
  async run({ agent, collector, paths, stateFolder }) {
    const ours = [
      { what: "agent", address: agent, flag: "--web.listen-address of warpwatch agent" },
      { what: "collector", address: collector, flag: "listen of the collector's configuration" },
    ];
    const said: string[] = [];
    for (const { what, address, flag } of ours) {
      const answer = await ask(address, "/-/healthy", readToken(stateFolder));
      if (answer.asksForCertificate) {
        said.push(
          `${address.port} asks for a certificate: whether it is our ${what}'s can't be told`,
        );
        continue;
      }
      const owner = ownerOf(paths.procfs, address.port);
      const isOurs = answer.body.startsWith(`Warpwatch's ${what}`);
      if (!isOurs && (owner !== null || answer.status > 0))
        return fail(
          `${nameOf(address)}, the ${what}'s, is taken by ${owner ?? "another program"}`,
          `stop it, or choose another port with ${flag}`,
        );
      said.push(`${address.port} ${isOurs ? `is our ${what}'s` : `is free for the ${what}`}`);
    }
    return ok(said.join(", "));
  },
};

export const exportersCheck: Check = {
  name: "other exporters",
  meaning: "the same metrics from two programs count twice in sums",
  run({ paths }) {
    const found = exporterPorts.flatMap(({ port, program }) => {
      const owner = ownerOf(paths.procfs, port);
      return owner === null ? [] : [`:${port} (${owner}, usually ${program})`];
    });
    return found.length === 0
      ? ok("nothing listens on :9100 and :9400")
      : warn(
          `running beside the agent: ${found.join(", ")}`,
          "scrape either them or the agent, under one job; the agent serves the names of both",
        );
  },
};

/** The program that listens on the port of this network namespace, or null where none does. */
function ownerOf(procfs: string, port: number): string | null {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, "0");
  for (const table of ["net/tcp", "net/tcp6"]) {
    for (const line of readText(join(procfs, table)).split("\n")) {
      const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
      if (state === listening && local.endsWith(`:${hexadecimal}`))
        return programOf(procfs, inode) ?? "a program of another user";
    }
  }
  return null;
}

function programOf(procfs: string, inode: string): string | null {
  for (const id of list(procfs).filter((name) => /^\d+$/.test(name)))
    for (const descriptor of list(join(procfs, id, "fd")))
      if (linkOf(join(procfs, id, "fd", descriptor)) === `socket:[${inode}]`)
        return `${singleLine(readText(join(procfs, id, "comm")))}, process ${id}`;
  return null;
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`;
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return "";
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
