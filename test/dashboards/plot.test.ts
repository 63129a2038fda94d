/** What a panel takes from the catalogue: unit, query and legend. */
import { describe, expect, it } from "vitest";
import * as cgroup from "../../core/catalog/cgroup.ts";
import * as drive from "../../core/catalog/drive-health.ts";
import * as gpu from "../../core/catalog/gpu.ts";
import * as bmc from "../../core/catalog/ipmi.ts";
import * as rdma from "../../core/catalog/rdma.ts";
import { boards } from "../../dashboards/all.ts";
import { renderQuery } from "../../dashboards/query.ts";
import { course, gain, legendOf, sheet, unitOf } from "../../dashboards/plot.ts";

const [board] = boards;
if (!board) throw new Error("there are no boards");

describe("a panel's unit", () => {
  it("is a share of time where seconds are counted, and bytes a second where bytes are", () => {
    expect(unitOf(cgroup.cpuWaiting)).toBe("percentunit");
    expect(unitOf(cgroup.readBytes)).toBe("Bps");
    expect(unitOf(rdma.retransmits)).toBe("cps");
  });

  it("is the gauge's own, even where Prometheus has no base unit for it", () => {
    expect(unitOf(drive.driveTemperature)).toBe("celsius");
    expect(unitOf(cgroup.tasks)).toBe("short");
    expect([bmc.bmcFanSpeed, bmc.bmcVoltage, bmc.bmcCurrent].map(unitOf)).toEqual([
      "rotrpm",
      "volt",
      "amp",
    ]);
  });
});

describe("a panel's query", () => {
  it("is a rate for a counter, over what is shown for a life's count, and the value of a gauge", () => {
    expect(renderQuery(board, course({ metric: rdma.retransmits }))).toMatch(
      /^rate\(warpwatch_rdma_retransmits_total\{.*\}\[\$__rate_interval\]\)$/,
    );
    expect(renderQuery(board, gain({ metric: drive.driveMediaErrors }))).toMatch(
      /^increase\(warpwatch_drive_media_errors_total\{.*\}\[\$__range\]\)$/,
    );
    expect(renderQuery(board, course({ metric: drive.driveSpare }))).toMatch(
      /^warpwatch_drive_spare_ratio\{[^}]*\}$/,
    );
  });

  it("tells its lines apart by labels, and leaves out those that repeat another", () => {
    expect(legendOf(gpu.temperature)).toBe(
      "{{instance}} gpu {{gpu}} {{GPU_I_PROFILE}} {{GPU_I_ID}}",
    );
    expect(legendOf(rdma.retransmits)).toBe("{{instance}} {{device}} port {{port}}");
  });
});

describe("a table", () => {
  it("has the facts without their number, and a column with a unit for each number", () => {
    const { queries, numbers } = sheet("Drives", "What they have been through.", {
      facts: drive.driveHealthInfo,
      by: ["device"],
      columns: ["device", "model"],
      numbers: [["Written", drive.driveWritten]],
    });
    expect(numbers).toEqual([null, { title: "Written", unit: "bytes" }]);
    expect(queries.map((query) => renderQuery(board, query).split("{")[0])).toEqual([
      "warpwatch_drive_health_info",
      "max by (instance, device) (warpwatch_drive_written_bytes_total",
    ]);
  });
});
