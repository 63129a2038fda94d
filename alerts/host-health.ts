/** Rules for what hosts tell of their own health: drives, power supplies, and the clock. */
import { chrony, driveHealth, ipmi, sensors } from "../core/catalog/index.ts";
import { compare, increase, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;

export const driveFailing = defineRule({
  name: "HostDriveFailing",
  condition: compare(value(driveHealth.driveFailing), ">", 0),
  severity: "warning",
  component: "disk",
  summary: "drive {{ device }} on {{ node }} says that it fails",
  description:
    "The drive's own assessment: an NVMe drive has less spare than its maker vouches for, can't be relied on any more, has become read-only or can't save its cache; a SATA or SAS drive fails its SMART check.",
  source:
    "The critical warning of the NVMe specification without its bit for temperature, and smartctl's verdict on SATA and SAS. No tolerance: makers set these to take a drive back.",
});

const faults = /failed|failure_predicted|input_lost|input_lost_or_out_of_range|input_out_of_range/;

export const powerSupplyFault = defineRule({
  name: "HostPowerSupplyFault",
  condition: compare(value(ipmi.bmcPowerSupply, { state: { matches: faults } }), ">", 0),
  forMilliseconds: minute,
  severity: "warning",
  component: "power",
  summary: "power supply {{ sensor }} ({{ part }}) on {{ node }}: {{ state }}",
  description:
    "The BMC reports a power supply that has failed, will fail, or has lost its input. The node runs on the others; with one more gone it stops, or caps the GPUs' power.",
  source:
    "The states of a power supply's sensor in IPMI 2.0, table 42-3, without presence and inactivity. A minute passes over the moment in which one is plugged in.",
});

export const clockUncertain = defineRule({
  name: "HostClockUncertain",
  condition: compare(value(chrony.chronyErrorBound), ">", 0.5, 0.25),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "clock",
  summary: "the clock of {{ node }} may be wrong by {{ value }} s",
  description:
    "By chronyd's own bound of the clock's error: its offset, and how far its servers' time can be trusted. Logs and samples of this node no longer line up with the others', and certificates and leases expire at the wrong time.",
  source:
    "The bound is that of chronyc's manual page for `tracking`. Half a second is our choice: servers in the same network keep it within a millisecond, those on the internet within a tenth of a second.",
});

export const driveWorn = defineRule({
  name: "HostDriveWornOut",
  condition: compare(value(driveHealth.driveEnduranceUsed), ">", 0.8),
  forMilliseconds: 60 * minute,
  severity: "warning",
  component: "disk",
  summary: "drive {{ device }} on {{ node }} has {{ value | percent }} of its endurance used up",
  description:
    "Its maker vouches for as many writes as it was rated for and no more. Plan its exchange; writes may be refused soon after.",
  source:
    "Meta's gcm warns at 80 %. Wear alone is a poor sign that a drive fails, and a good one of when to order another.",
});

export const driveMediaErrors = defineRule({
  name: "HostDriveMediaErrors",
  condition: compare(increase(value(driveHealth.driveMediaErrors), 60 * minute), ">", 0),
  severity: "warning",
  component: "disk",
  summary: "drive {{ device }} on {{ node }} could not read or write part of its media",
  description:
    "Data in the place is lost unless something above the drive has it twice. Drives that begin to count these go on.",
  source:
    "NVM Express counts here what its own correction could not mend. No tolerance; by the increase, since the count is over the drive's life.",
});

export const memoryCorrected = defineRule({
  name: "HostMemoryCorrectedErrors",
  condition: compare(increase(value(sensors.correctedErrors), 60 * minute), ">", 100, 10),
  severity: "warning",
  component: "memory",
  summary:
    "the memory of {{ node }} had {{ value }} errors corrected within an hour (controller {{ controller }})",
  description:
    "ECC still mends them; a module that has so many has a row or a chip that fails, and uncorrectable errors follow.",
  source:
    "Our choice: a sound module has a few in a year, one with a failing cell thousands in a day. Clears at ten an hour.",
});
