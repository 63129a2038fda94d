/**
 * A stand-in for nvidia-smi that tests run as a real process: answers --help-query-gpu and the looping --query-gpu
 * as a state file tells it to. It is read anew for every round, so a test changes what it does while it runs.
 */
import { appendFileSync, readFileSync } from "node:fs";

/** What the stand-in does, written by the test as JSON. */
export interface NvidiaSmiState {
  /** A GPU per entry: field → cell as nvidia-smi prints it; fields that aren't given print `[N/A]`. */
  readonly gpus: readonly Readonly<Record<string, string>>[];
  /** Fields that the help text lists. */
  readonly fields: readonly string[];
  /** `silent` prints nothing more; `deaf` doesn't even end when told to. */
  readonly mood: "well" | "silent" | "deaf";
  /** Written before the next round. */
  readonly noise?: string;
  /** Ends instead of the next round. */
  readonly end?: ProgramEnd | undefined;
  /** Ends instead of printing the help text. */
  readonly helpEnd?: ProgramEnd | undefined;
  /** Ends for these places unless they aren't asked for. */
  readonly unopened?: readonly string[];
  /** What `-q -x` prints; nothing ever comes while the mood isn't well. */
  readonly report?: string;
  /** What `-L` prints. */
  readonly list?: string;
}

export interface ProgramEnd {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

const [statePath = "", startsPath = "", ...flags] = process.argv.slice(2);
appendFileSync(startsPath, `${JSON.stringify({ pid: process.pid, flags })}\n`);

if (flags.includes("--help-query-gpu")) printHelp(readState());
else if (flags.includes("-x")) print(readState(), "report");
else if (flags.includes("-L")) print(readState(), "list");
else loop();

function readState(): NvidiaSmiState {
  return JSON.parse(readFileSync(statePath, "utf8")) as NvidiaSmiState;
}

function printHelp(state: NvidiaSmiState): void {
  if (state.mood === "deaf") becomeDeaf();
  else if (state.helpEnd) finish(state.helpEnd);
  else
    for (const field of state.fields) process.stdout.write(`"${field}"\nWhat ${field} means.\n\n`);
}

function print(state: NvidiaSmiState, what: "report" | "list"): void {
  if (state.mood === "deaf") becomeDeaf();
  else if (state.mood === "silent") setTimeout(() => print(readState(), what), 20);
  else if (state.end) finish(state.end);
  else finish({ code: 0, output: state[what] ?? "", errors: "" });
}

function loop(): void {
  const fields = flag("--query-gpu=").split(",");
  const period = Number(flag("--loop-ms="));
  const unknown = fields.find((field) => !readState().fields.includes(field));
  if (unknown === undefined) printRound(fields, period);
  else
    finish({ code: 2, output: `Field "${unknown}" is not a valid field to query.\n`, errors: "" });
}

function printRound(fields: readonly string[], period: number): void {
  const state = readState();
  if (state.mood === "deaf") {
    becomeDeaf();
    return;
  }
  setTimeout(() => printRound(fields, period), period);
  if (state.mood === "silent") return;
  process.stdout.write(state.noise ?? "");
  if (state.end) {
    finish(state.end);
    return;
  }
  const wanted = flag("--id=") === "" ? undefined : flag("--id=").split(",");
  const asked = state.gpus.filter(
    // The domain may be given with fewer zeros.
    (gpu) => wanted?.some((place) => gpu["pci.bus_id"]?.endsWith(place)) ?? true,
  );
  const bad = asked.find((gpu) => state.unopened?.includes(gpu["pci.bus_id"] ?? ""));
  if (bad) {
    const place = (bad["pci.bus_id"] ?? "").slice(4);
    const output = `Unable to determine the device handle for GPU${place}: GPU is lost.  Reboot the system to recover this GPU\n`;
    finish({ code: 15, output, errors: "" });
    return;
  }
  for (const gpu of asked)
    process.stdout.write(`${fields.map((field) => gpu[field] ?? "[N/A]").join(", ")}\n`);
}

function finish(end: ProgramEnd): void {
  process.stderr.write(end.errors);
  process.stdout.write(end.output, () => process.exit(end.code));
}

/** Lives until the state says something else, as a process in a driver call does. */
function becomeDeaf(): void {
  process.on("SIGTERM", () => undefined);
  const timer = setInterval(() => {
    if (readState().mood === "deaf") return;
    clearInterval(timer);
    process.exit(0);
  }, 20);
}

function flag(name: string): string {
  return flags.find((each) => each.startsWith(name))?.slice(name.length) ?? "";
}
