/** `warpwatch metrics`: what the catalogue says of the metrics whose names hold a word. */
import { allMetrics } from "../core/catalog/index.ts";
import type { Command } from "./command.ts";
import { row } from "./terminal.ts";

export const metricsCommand: Command = {
  operands: "[word]",
  description:
    "Prints name, type, unit, labels and meaning of every metric that Warpwatch authors, or of those whose names hold the word.",
  flags: {},
  async run({ operands, terminal }) {
    const word = (operands[0] ?? "").toLowerCase();
    const found = allMetrics()
      .map((entry) => ({ entry, name: "name" in entry ? entry.name : entry.pattern }))
      .filter(({ name }) => name.toLowerCase().includes(word))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1));
    for (const { entry, name } of found) {
      const labels =
        "name" in entry && entry.labels.length > 0 ? `{${entry.labels.join(",")}}` : "";
      const kind = "name" in entry ? entry.kind : "family";
      const unit = "name" in entry && entry.unit !== "none" ? `, ${entry.unit}` : "";
      terminal.print(terminal.paint("strong", name) + terminal.paint("faint", labels));
      terminal.print(row(kind + unit, entry.help, { labelColumns: 16, columns: terminal.columns }));
    }
    if (found.length === 0) terminal.complain(`no metric's name holds "${word}"`);
    return found.length === 0 ? 1 : 0;
  },
};
