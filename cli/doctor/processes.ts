/** Agent and collector, asked over the ways that everybody has: health, control socket, API. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { controlPath, sendControl } from "../../agent/control.ts";
import { notify } from "../../core/catalog/index.ts";
import { singleLine } from "../../core/kit/errors.ts";
import { createExpositionParser } from "../../core/wire/parse.ts";
import { isPresent } from "../../core/wire/frame.ts";
import { ask } from "./ask.ts";
import { fail, ok, unknown, warn, type Check, type Outcome, type Patient } from "./check.ts";

const statusSchema = z.object({
  sources: z.array(z.object({ name: z.string(), state: z.string(), reason: z.string() })),
});
const targetsSchema = z.object({
  targets: z.array(z.object({ url: z.string(), state: z.string(), error: z.string() })),
  errors: z.array(z.string()),
});
const asksForCertificate = unknown(
  "its port takes callers with a certificate only, and this command has none",
  "ask it with one: curl --cacert --cert --key https://…/-/ready",
);
/** More are summed up. */
const listed = 3;

export interface SourceState {
  readonly name: string;
  readonly state: string;
  readonly reason: string;
}

/** How the agent's sources are, by its control socket. */
export async function askSources(stateFolder: string): Promise<readonly SourceState[]> {
  const answer = await sendControl(controlPath(stateFolder), { command: "status" });
  return statusSchema.parse(answer).sources;
}

export const agentCheck: Check = {
  name: "agent",
  meaning: "it measures this node",
  async run({ agent, stateFolder }) {
    const ready = await ask(agent, "/-/ready", readToken(stateFolder));
    if (ready.asksForCertificate) return asksForCertificate;
    const isOurs = ready.body.startsWith("Warpwatch's agent");
    if (!isOurs && ready.status === 401)
      return unknown(
        `it refuses the token of ${stateFolder}`,
        "name its state folder with --state.folder",
      );
    if (!isOurs)
      return unknown("none runs on this machine", "start one: warpwatch agent, or warpwatch up");
    if (ready.status !== 200)
      return fail(
        "it has no fresh samples",
        "see its log; a source that hangs shows in warpwatch_source_in_flight_seconds",
      );
    if (!existsSync(controlPath(stateFolder)))
      return ok(
        `its samples are fresh; how its sources are can't be asked (${stateFolder} has no agent.sock)`,
      );
    const sources = await askSources(stateFolder);
    const down = sources.filter(({ state }) => state === "down");
    const absent = sources.filter(({ state }) => state === "absent");
    const up = sources.length - down.length - absent.length;
    const counts = `its samples are fresh; ${up} sources are up, ${absent.length} absent`;
    if (down.length === 0) return ok(counts);
    const named = down
      .slice(0, listed)
      .map(({ name, reason }) => `${name} (${singleLine(reason)})`);
    return warn(
      `${down.length} of its sources are down: ${named.join("; ")}`,
      "mend what is named; the others go on",
    );
  },
};

export const collectorCheck: Check = {
  name: "collector",
  meaning: "it judges what agents measure, and tells people",
  async run(patient) {
    const { collector } = patient;
    const ready = await ask(collector, "/-/ready");
    if (ready.asksForCertificate) return asksForCertificate;
    if (!ready.body.startsWith("Warpwatch's collector"))
      return unknown(
        "none runs on this machine",
        "start one: warpwatch collector, or warpwatch up",
      );
    if (ready.status !== 200) return fail(singleLine(ready.body), "see its log");
    const stuck = await findUndelivered(patient);
    if (stuck !== null) return stuck;
    const token = readToken(patient.stateFolder);
    if (token === "") return ok("it is ready; its targets can't be asked without its token");
    const { status, body } = await ask(collector, "/api/v1/targets", token);
    if (status !== 200)
      return unknown(
        `it refuses the token of ${patient.stateFolder}`,
        "name its state folder with --state.folder",
      );
    const { targets, errors } = targetsSchema.parse(JSON.parse(body));
    const down = targets.filter(({ state }) => state === "down");
    if (errors.length > 0)
      return warn(singleLine(errors[0] ?? ""), "mend the target file that is named");
    if (down.length === 0) return ok(`it is ready; ${targets.length} targets, none down`);
    const named = down.slice(0, listed).map(({ url, error }) => `${url} (${singleLine(error)})`);
    return warn(
      `${down.length} of ${targets.length} targets are down: ${named.join("; ")}`,
      "see that they run and can be reached from here",
    );
  },
};

/** Dead letters, and notifications that wait: what nobody was told. */
async function findUndelivered({ collector }: Patient): Promise<Outcome | null> {
  const page = await ask(collector, "/metrics");
  if (page.status !== 200) return null;
  const samples = readPage(page.body);
  const dead = samples.find(({ name }) => name === notify.deadLetters.name)?.value ?? 0;
  const waiting = samples.filter(
    ({ name, value }) => name === notify.outboxDepth.name && value > 0,
  );
  if (dead > 0)
    return fail(
      `${dead} notifications could not be delivered for good`,
      "see its log for the receiver's answer; check key and address",
    );
  if (waiting.length === 0) return null;
  const named = waiting.map(({ label, value }) => `${value} to ${label}`);
  return warn(
    `notifications wait: ${named.join(", ")}`,
    "see that the receiver can be reached from here; they are tried again",
  );
}

interface Sample {
  readonly name: string;
  /** The first label's value; empty where there is none. */
  readonly label: string;
  readonly value: number;
}

function readPage(body: string): Sample[] {
  const { series, values, present } = createExpositionParser().parse(Buffer.from(body), "text");
  return series.flatMap(({ name, labelValues }, slot) =>
    isPresent(present, slot)
      ? [{ name, label: labelValues[0] ?? "", value: values[slot] ?? Number.NaN }]
      : [],
  );
}

export function readToken(folder: string): string {
  try {
    return readFileSync(join(folder, "token"), "utf8").trim();
  } catch {
    return "";
  }
}
