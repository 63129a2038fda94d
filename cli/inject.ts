/** `warpwatch inject`: plays a fault on a running agent's synthetic devices, over its control socket. */
import { existsSync } from "node:fs";
import { defaultStateFolder } from "../agent/config.ts";
import { controlPath, sendControl } from "../agent/control.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { faultKinds } from "../simulator/fault-kinds.ts";
import type { Command, FlagTable } from "./command.ts";
import { nearest } from "../core/kit/nearest.ts";
import { syntheticStateFolder } from "./synthetic.ts";

const flags = {
  node: {
    type: "string",
    default: "0",
    value: "number",
    help: "The synthetic node it strikes, from 0.",
  },
  gpu: {
    type: "string",
    value: "number",
    help: "The GPU on that node, from 0, for a GPU's fault.",
  },
  severity: {
    type: "string",
    default: "0.5",
    value: "0..1",
    help: "How bad it is.",
  },
  duration: {
    type: "string",
    value: "duration",
    help: "How long it lasts; the kind's own if not given.",
  },
  code: { type: "string", value: "number", help: "The XID's code, for an xid." },
  mountpoint: {
    type: "string",
    value: "path",
    help: "Which filesystem fills, for filesystem_fill.",
  },
  "state.folder": {
    type: "string",
    value: "folder",
    help: "The state folder of the agent to reach.",
  },
} as const satisfies FlagTable;

const numeric = new Set(["node", "gpu", "severity", "code"]);

export const injectCommand: Command = {
  operands: "<kind>",
  description: `Plays a fault on an agent that runs with --synthetic. Kinds: ${faultKinds.join(", ")}.`,
  flags,
  async run({ flags: given, operands, env, terminal }) {
    const [kind, ...rest] = operands;
    if (kind === undefined || rest.length > 0)
      throw new WarpwatchError(
        "FLAG_INVALID",
        `inject takes one kind of fault: ${faultKinds.join(", ")}`,
      );
    if (!faultKinds.some((known) => known === kind)) {
      const meant = nearest(kind, faultKinds);
      const suggestion =
        meant === null ? `; there are ${faultKinds.join(", ")}` : `; did you mean ${meant}?`;
      throw new WarpwatchError(
        "FLAG_INVALID",
        `${kind}: there is no such kind of fault${suggestion}`,
      );
    }
    const { "state.folder": folder, ...settings } = given;
    const fault: Record<string, unknown> = { kind };
    for (const [name, value] of Object.entries(settings))
      fault[name] = numeric.has(name) ? Number(value) : value;
    const path = typeof folder === "string" ? controlPath(folder) : findControl(env.variables);
    const result = await sendControl(path, { command: "inject", fault });
    const where =
      typeof result === "object" && result !== null && "node" in result ? result.node : "";
    terminal.print(`${kind} is playing on ${String(where)}`);
    return 0;
  },
};

/** `up --synthetic` keeps its state apart; `agent --synthetic` doesn't. */
function findControl(variables: Readonly<Record<string, string | undefined>>): string {
  const own = defaultStateFolder(variables);
  const apart = controlPath(syntheticStateFolder(own));
  return existsSync(apart) ? apart : controlPath(own);
}
