/** A stand-in for nvidia-smi that answers each question once, from a file of cells: -L, --help-query-gpu, --query-gpu. */
import { readFileSync } from "node:fs";

type Cells = Readonly<Record<string, string>>;

const [path = "", ...flags] = process.argv.slice(2);
const gpus = JSON.parse(readFileSync(path, "utf8")) as readonly Cells[];
const query = flags.find((flag) => flag.startsWith("--query-gpu="))?.slice("--query-gpu=".length);

if (flags.includes("-L"))
  gpus.forEach((gpu, index) => print(`GPU ${index}: ${gpu["name"]} (UUID: ${gpu["uuid"]})`));
else if (flags.includes("--help-query-gpu"))
  for (const field of Object.keys(gpus[0] ?? {})) print(`"${field}"\nWhat ${field} means.\n`);
else
  for (const gpu of gpus)
    print(
      (query ?? "")
        .split(",")
        .map((field) => gpu[field] ?? "[N/A]")
        .join(", "),
    );

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
