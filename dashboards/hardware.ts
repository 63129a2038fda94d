/** The board for what a server is built of beside its GPUs: drives, what the BMC watches, the clock, and which parts there are. */
import { age, aggregate, multiply, subtract, value } from "../alerts/expression.ts";
import { sensorCritical } from "../alerts/host-faults.ts";
import { clockUncertain, driveFailing, powerSupplyFault } from "../alerts/host-health.ts";
import * as chrony from "../core/catalog/chrony.ts";
import * as drive from "../core/catalog/drive-health.ts";
import * as inventory from "../core/catalog/inventory.ts";
import * as bmc from "../core/catalog/ipmi.ts";
import * as self from "../core/catalog/self.ts";
import { lines, one, table, timeline, type Board, type Row } from "./board.ts";
import { kernelMark } from "./marks.ts";
import { course, flags, gain, legendOf, sheet, total, trend } from "./plot.ts";

const no = { text: "no", color: "green" } as const;
const yes = { text: "yes", color: "red" } as const;
const inlet = { part: { matches: /air_inlet.*|ambient.*/ } } as const;

const state: Row = {
  title: "Is it sound",
  panels: [
    total(
      "Drives that fail",
      "short",
      "Drives whose own assessment is that they fail.",
      aggregate("sum", ["job"], value(drive.driveFailing)),
      { rules: [driveFailing] },
    ),
    total(
      "Drives that don't answer",
      "short",
      "Drives that failed to tell their health when they were last asked.",
      subtract(
        aggregate("count", ["job"], value(drive.driveReadable)),
        aggregate("sum", ["job"], value(drive.driveReadable)),
      ),
      { warning: 1 },
    ),
    total(
      "Faults of power supplies",
      "short",
      "States of power supplies that aren't in order: failed, about to, or without input.",
      aggregate(
        "sum",
        ["job"],
        value(bmc.bmcPowerSupply, { state: { excludes: /present|inactive/ } }),
      ),
      { rules: [powerSupplyFault] },
    ),
    total(
      "Worst sensor",
      "none",
      "How far the worst sensor is beyond its thresholds by its BMC's own judgement.",
      aggregate("max", ["job"], value(bmc.bmcSeverity)),
      {
        rules: [sensorCritical],
        states: {
          0: { text: "within", color: "green" },
          1: { text: "non-critical", color: "orange" },
          2: { text: "critical", color: "red" },
          3: { text: "non-recoverable", color: "red" },
        },
      },
    ),
    total(
      "Hottest inlet",
      "celsius",
      "The warmest air that goes into a machine. Above 35 °C most servers are outside what their maker allows (ASHRAE class A2).",
      aggregate("max", ["job"], value(bmc.bmcTemperature, inlet)),
      { warning: 27, critical: 35 },
    ),
    total(
      "Least certain clock",
      "s",
      "By how much the clock that is least certain may be wrong.",
      aggregate("max", ["job"], value(chrony.chronyErrorBound)),
      { rules: [clockUncertain] },
    ),
  ],
};

const drives: Row = {
  title: "Drives",
  panels: [
    trend(
      "Endurance used",
      "Share of the rated endurance that was written. Past 100 % a drive goes on, and nobody vouches for it.",
      [drive.driveEnduranceUsed],
      { warning: 0.8, critical: 1 },
    ),
    trend(
      "Spare capacity left",
      "Share of the spare blocks that are left, and the threshold below which the maker no longer vouches for the drive.",
      [drive.driveSpare, { metric: drive.driveSpareThreshold, words: "threshold" }],
      { maximum: 1 },
    ),
    trend(
      "Temperature of drives",
      "By sensor; `composite` is the drive as a whole. NVMe drives slow down at about 70 to 80 °C.",
      [drive.driveTemperature],
      { warning: 70, critical: 80 },
    ),
    lines(
      "Errors gained, in the time shown",
      "short",
      "Reads and writes that failed for good, transfers with a wrong checksum (the cable), commands given up, and entries of the error log, which alone are no sign.",
      [
        gain({ metric: drive.driveMediaErrors, words: "media" }),
        gain({ metric: drive.driveLinkErrors, words: "link" }),
        gain({ metric: drive.driveCommandTimeouts, words: "time-outs" }),
        gain({ metric: drive.driveErrorLogEntries, words: "log entries" }),
      ],
      { critical: 1 },
    ),
    trend(
      "Bad sectors",
      "Sectors that were replaced, that wait for it since they can't be read, or that proved lost; SATA and SAS. A number that rises foretells a failure.",
      [drive.driveSectors],
      { warning: 1 },
    ),
    trend(
      "Slowed down by heat",
      "Share of time in which a drive throttled itself, lightly or heavily, and was over its warning or critical temperature; counted in whole minutes.",
      [
        { metric: drive.driveThrottled, words: "throttled" },
        { metric: drive.driveTooHot, words: "too hot" },
      ],
      { maximum: 1 },
    ),
    flags(
      "Critical warnings of NVMe drives",
      "Bits that a drive raises by itself: each but the temperature's asks for its replacement.",
      [no, yes],
      [drive.driveWarning],
      { rules: [driveFailing] },
    ),
    flags(
      "Drives that tell their health",
      "One that doesn't answer isn't healthy, it is unknown. One that sleeps is left asleep and counts as well.",
      [
        { text: "doesn't answer", color: "red" },
        { text: "answers", color: "green" },
      ],
      [drive.driveReadable],
    ),
    sheet(
      "Drives and their lives",
      "Which drive it is, and what it has been through: what a replacement asks for. Many unsafe shutdowns are a node that is switched off under load.",
      {
        facts: drive.driveHealthInfo,
        by: ["device"],
        columns: ["device", "model", "serial", "firmware", "interface"],
        numbers: [
          ["Asleep", drive.driveAsleep],
          ["Powered", drive.drivePowerOn],
          ["Power-ups", drive.drivePowerCycles],
          ["Unsafe shutdowns", drive.driveUnsafeShutdowns],
          ["Read", drive.driveRead],
          ["Written", drive.driveWritten],
          ["Busy", drive.driveBusy],
        ],
      },
    ),
    lines(
      "Age of what drives told",
      "s",
      "Time since each drive was read; NVMe drives are asked every minute, others every hour.",
      one(age(value(drive.driveReadTime)), legendOf(drive.driveReadTime)),
      { width: 24 },
    ),
  ],
};

const chassis: Row = {
  title: "Chassis, power and cooling",
  panels: [
    trend(
      "Power of the whole machine",
      "What the machine draws by DCMI, and the highest, lowest and mean of the BMC's window. Less the GPUs' power it is what host and fans take.",
      [bmc.bmcSystemPower, { metric: bmc.bmcPower, words: "sensor" }],
    ),
    trend("Fans", "Speed of each fan. One at 0 or far from its neighbours fails.", [
      bmc.bmcFanSpeed,
    ]),
    trend(
      "Temperatures by the BMC",
      "By sensor and the part that it belongs to; compare inlets between nodes of a rack.",
      [bmc.bmcTemperature],
    ),
    flags(
      "Power supplies not in order",
      "Each state other than present: a supply lost costs redundancy, with one more the node stops or caps its GPUs.",
      [no, yes],
      [{ metric: bmc.bmcPowerSupply, match: { state: { excludes: /present|inactive/ } } }],
      { width: 8, rules: [powerSupplyFault] },
    ),
    flags(
      "Faults of the chassis",
      "What the BMC says of power, drives, cooling, and of somebody who opened it.",
      [no, yes],
      [bmc.bmcChassisFault, { metric: bmc.bmcEventsLost, words: "event log overflowed" }],
      { width: 8 },
    ),
    timeline(
      "Sensors beyond their thresholds",
      "Each sensor by its BMC's own judgement.",
      {
        0: { text: "within", color: "green" },
        1: { text: "non-critical", color: "orange" },
        2: { text: "critical", color: "red" },
        3: { text: "non-recoverable", color: "red" },
      },
      [course({ metric: bmc.bmcSeverity })],
      { width: 8, rules: [sensorCritical] },
    ),
    trend(
      "Voltages",
      "Voltage by sensor; a rail that sags under load is its supply or regulator.",
      [bmc.bmcVoltage],
      { width: 6, minimum: "any" },
    ),
    trend(
      "Currents",
      "Current by sensor; supplies that share a load should carry alike.",
      [bmc.bmcCurrent],
      { width: 6 },
    ),
    trend(
      "Drive of fans and load of parts",
      "What the BMC gives in percent: mostly how far a fan is driven. Fans at their most leave nothing for a hotter day.",
      [bmc.bmcShare],
      { width: 6, maximum: 1 },
    ),
    trend(
      "Entries of the BMC's event log",
      "A log that fills up drops what comes next; read it where the number rises.",
      [bmc.bmcEvents],
      { width: 6 },
    ),
    sheet(
      "BMCs",
      "Maker, product and firmware, and what the BMC tells.",
      {
        facts: bmc.bmcInfo,
        by: [],
        columns: ["manufacturer", "model", "firmware", "version"],
        numbers: [
          ["Powered on", bmc.bmcChassisOn],
          ["Log free", bmc.bmcEventSpace],
          ["Sensors read", { metric: bmc.bmcSensors, match: { state: "read" } }],
          ["Silent", { metric: bmc.bmcSensors, match: { state: "silent" } }],
          ["Left out", { metric: bmc.bmcSensors, match: { state: "left_out" } }],
        ],
      },
      { width: 16 },
    ),
    lines(
      "Age of what BMCs told",
      "s",
      "Time since the BMC was read; it is asked every 30 s.",
      one(age(value(bmc.bmcReadTime)), legendOf(bmc.bmcReadTime)),
      { warning: 120 },
    ),
  ],
};

const clock: Row = {
  title: "Clock",
  panels: [
    trend(
      "How wrong the clock may be",
      "The bound of its error, and what that is made of: dispersion and delay up to a reference clock.",
      [
        { metric: chrony.chronyErrorBound, words: "bound" },
        { metric: chrony.chronyRootDispersion, words: "dispersion" },
        { metric: chrony.chronyRootDelay, words: "delay" },
      ],
      { rules: [clockUncertain] },
    ),
    trend(
      "Offset",
      "How far the clock is behind now, at its last update, and as a mean over long.",
      [
        { metric: chrony.chronyOffset, words: "now" },
        { metric: chrony.chronyLastOffset, words: "last update" },
        { metric: chrony.chronyRmsOffset, words: "mean" },
      ],
      { minimum: "any" },
    ),
    lines(
      "Frequency",
      "ppm",
      "Parts in a million by which the clock runs fast if left alone, what of it is not yet corrected, and the bound of its error. A step is heat, or a board that ages.",
      [
        {
          expression: multiply(value(chrony.chronyFrequency), 1e6),
          legend: "{{instance}} runs fast",
        },
        {
          expression: multiply(value(chrony.chronyResidualFrequency), 1e6),
          legend: "{{instance}} not corrected",
        },
        { expression: multiply(value(chrony.chronySkew), 1e6), legend: "{{instance}} skew" },
      ],
      { minimum: "any" },
    ),
    timeline(
      "State of the clock",
      "Which of its states the clock is in; `unsynchronised` follows nothing.",
      { 0: { text: "no", color: "text" }, 1: { text: "is so", color: "blue" } },
      [course({ metric: chrony.chronyLeapStatus })],
    ),
    sheet(
      "What clocks follow",
      "The reference, how many hops it is from a clock of its own, and how many sources there are: with fewer than three nobody can tell which is wrong.",
      {
        facts: chrony.chronyReferenceInfo,
        by: [],
        columns: ["id", "address"],
        numbers: [
          ["Stratum", chrony.chronyStratum],
          ["Sources", chrony.chronySources],
          ["Update interval", chrony.chronyUpdateInterval],
        ],
      },
      { width: 12 },
    ),
    lines(
      "Time since the reference was heard",
      "s",
      "Since the last measurement that was used. It grows where the servers are gone.",
      one(age(value(chrony.chronyReferenceTime)), legendOf(chrony.chronyReferenceTime)),
      { width: 24 },
    ),
  ],
};

const parts: Row = {
  title: "Which parts these are",
  collapsed: true,
  panels: [
    table(
      "Machines",
      "System, board and firmware: nodes that differ are the first place to look when one is slow.",
      inventory.nodeInfo,
      ["vendor", "model", "board", "bios_version", "bios_date", "virtual"],
      { width: 12 },
    ),
    table(
      "Processors",
      "Model, sockets, cores and threads.",
      inventory.processorInfo,
      ["model", "sockets", "cores", "threads"],
      { width: 12 },
    ),
    sheet(
      "Memory modules",
      "What is in which slot: the slot is what an error of the memory controller is traced to.",
      {
        facts: inventory.memoryModuleInfo,
        by: ["slot"],
        columns: ["slot", "type", "vendor", "part", "speed"],
        numbers: [["Size", inventory.memoryModuleSize]],
      },
      { width: 12 },
    ),
    table(
      "Block devices",
      "Every drive that the kernel shows, whether or not its health can be read.",
      inventory.driveInfo,
      ["device", "vendor", "model", "firmware", "type", "interface"],
      { width: 12 },
    ),
  ],
};

export const hardwareBoard: Board = {
  uid: "warpwatch-hardware",
  title: "Warpwatch / Hardware",
  description:
    "Drives, chassis, power, cooling and clock of each node, and which parts it is built of.",
  instancesOf: self.sourceUp,
  marks: [kernelMark],
  rows: [state, drives, chassis, clock, parts],
};
