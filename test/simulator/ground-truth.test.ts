import { describe, expect, it } from "vitest";
import { createFleet } from "../../simulator/fleet.ts";
import { groundTruthCsv, groundTruthJsonLines } from "../../simulator/ground-truth.ts";
import { parseScenario } from "../../simulator/script.ts";

const start = 1_700_000_000_000;

function playedFleet(until: number) {
  const fleet = createFleet({
    seed: 1,
    nodes: 2,
    model: "H100",
    startMilliseconds: start,
    scenario: parseScenario(
      `
faults:
  - { at: 10s, node: 0, gpu: 3, kind: straggler, severity: 0.25, duration: 20s }
  - { at: 20s, node: 1, kind: node_vanish, severity: 1, duration: 1m }
  - { at: 25s, node: 1, gpu: 0, kind: row_remap_failure }
  - { at: 26s, node: 1, gpu: 0, kind: xid, code: 31 }
  - { at: 50s, node: 0, gpu: 0, kind: power_brake }
`,
      "test",
    ),
  });
  fleet.step(start + until);
  return fleet;
}

describe("the ground truth", () => {
  it("holds what has begun, with the end of what has ended", () => {
    const fleet = playedFleet(40_000);
    expect(
      fleet
        .labels()
        .map((label) => [
          label.kind,
          label.startMilliseconds - start,
          label.endMilliseconds === null ? null : label.endMilliseconds - start,
        ]),
    ).toEqual([
      ["straggler", 10_000, 30_000],
      ["node_vanish", 20_000, null],
      ["row_remap_failure", 25_000, null],
      ["xid", 26_000, 26_000],
    ]);
    expect(fleet.labels()[0]).toMatchObject({
      node: "synthetic-00",
      gpu: fleet.nodes[0]?.gpus[3]?.identity.uuid,
      severity: 0.25,
    });
    expect(fleet.labels()[1]?.gpu).toBe("");
  });

  it("is written as CSV with a heading and an empty field for an open end", () => {
    const fleet = playedFleet(40_000);
    const lines = groundTruthCsv(fleet.labels()).split("\n");
    expect(lines[0]).toBe("start,end,node,gpu,kind,severity");
    expect(lines[1]).toBe(
      `1700000010,1700000030,synthetic-00,${fleet.nodes[0]?.gpus[3]?.identity.uuid},straggler,0.25`,
    );
    expect(lines[2]).toBe("1700000020,,synthetic-01,,node_vanish,1");
    expect(lines.at(-1)).toBe("");
    expect(lines).toHaveLength(6);
  });

  it("is written as JSON lines that say the same", () => {
    const labels = playedFleet(40_000).labels();
    const rows = groundTruthJsonLines(labels)
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line));
    expect(rows).toHaveLength(4);
    expect(rows[1]).toEqual({
      start: 1_700_000_020,
      end: null,
      node: "synthetic-01",
      gpu: "",
      kind: "node_vanish",
      severity: 1,
    });
  });

  it("labels an uncorrected error that comes by itself", () => {
    const fleet = createFleet({ seed: 1, nodes: 1, model: "H100", startMilliseconds: start });
    fleet.gpus.untilUncorrected[5] = 0;
    fleet.step(start + 2000);
    const moment = start + 1000;
    expect(fleet.labels()).toEqual([
      {
        startMilliseconds: moment,
        endMilliseconds: moment,
        node: "synthetic-00",
        gpu: fleet.nodes[0]?.gpus[5]?.identity.uuid,
        kind: "uncorrected_error",
        severity: 1,
      },
    ]);
    expect(fleet.gpus.eccUncorrectedAggregate[5]).toBe(1);
    expect(fleet.drainEvents(0).map((event) => event.fields["code"])).toEqual(["48", "63", "94"]);
  });
});
