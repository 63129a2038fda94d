import { expect, test } from "vitest";
import { createInterruptsSource } from "../../../../agent/sources/host/interrupts.ts";
import { drive } from "./drive.ts";

const all = createInterruptsSource({ keepsName: () => true, zeros: true });
const page = (...lines: string[]): { "proc/interrupts": string } => ({
  "proc/interrupts": ["           CPU0       CPU2       ", ...lines, ""].join("\n"),
});
const timer = "  0:         44          0   IO-APIC   2-edge      timer";
const local = "LOC:    2636801    2596297   Local timer interrupts";

test("counts by the processors of the heading, and tells the controller from the devices behind it", async () => {
  const samples = await (
    await drive(
      all,
      page(timer, "124:7 9 PCI-MSI 512-edge nvme0q0, nvme0q1", local, "ERR:          3"),
    )
  ).read();
  expect(Object.fromEntries(samples)).toEqual({
    'node_interrupts_total{cpu="0",devices="2-edge timer",info="IO-APIC",type="0"}': 44,
    'node_interrupts_total{cpu="2",devices="2-edge timer",info="IO-APIC",type="0"}': 0,
    'node_interrupts_total{cpu="0",devices="512-edge nvme0q0, nvme0q1",info="PCI-MSI",type="124"}': 7,
    'node_interrupts_total{cpu="2",devices="512-edge nvme0q0, nvme0q1",info="PCI-MSI",type="124"}': 9,
    'node_interrupts_total{cpu="0",devices="",info="Local timer interrupts",type="LOC"}': 2_636_801,
    'node_interrupts_total{cpu="2",devices="",info="Local timer interrupts",type="LOC"}': 2_596_297,
  });
});

test("notices a line that passed to another device, and one more processor", async () => {
  const driven = await drive(all, page(timer, local));
  await driven.read();
  driven.change(page(timer.replace("timer", "nvme1q0"), local));
  const moved = await driven.read();
  expect(driven.changes).toBe(1);
  expect([...moved.keys()].join()).not.toContain("edge timer");
  driven.change({ "proc/interrupts": "  CPU0 CPU1 CPU2\n  0: 1 2 3 IO-APIC x\n" });
  expect((await driven.read()).size).toBe(3);
});

test("leaves out what nobody asks for, and what never happened where that isn't asked for", async () => {
  const few = createInterruptsSource({
    keepsName: (name) => !name.startsWith("LOC;"),
    zeros: false,
  });
  const driven = await drive(few, page(timer, local));
  expect([...(await driven.read()).values()]).toEqual([44]);
  driven.change(page(timer.replace(" 0 ", " 1 "), local));
  expect((await driven.read()).size).toBe(2);
});

test("survives lines that are cut off, too long or not numbers", async () => {
  const driven = await drive(
    all,
    page("  1: 5", "  2: x 7 a b", "garbage", ":", local, "\0\0", "  9: 1 2 3"),
  );
  const samples = await driven.read();
  expect([...samples.values()]).toEqual([2_636_801, 2_596_297, 1, 2]);
  driven.change({ "proc/interrupts": "" });
  expect((await driven.read()).size).toBe(0);
});
