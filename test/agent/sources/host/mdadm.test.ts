import { expect, test } from "vitest";
import { parseArrays } from "../../../../agent/sources/host/mdadm.ts";

const array = (first: string, ...rest: string[]): ReturnType<typeof parseArrays> =>
  parseArrays(["Personalities : [raid1]", first, ...rest, "", "unused devices: <none>"].join("\n"));

test("tells a check, a delayed resync and a reshape apart", () => {
  const mirror = "md0 : active raid1 sda1[0] sdb1[1]";
  const blocks = "      100 blocks super 1.2 [2/2] [UU]";
  const stateWith = (run: string): unknown => {
    const [found] = array(mirror, blocks, run);
    return [found?.state, found?.synced];
  };
  expect(stateWith("      [>....]  check =  0.5% (5/100) finish=1min speed=1K/sec")).toEqual([
    "check",
    5,
  ]);
  expect(stateWith("        resync=DELAYED")).toEqual(["resync", 0]);
  expect(stateWith("      [>....]  reshape = 10% (10/100)")).toEqual(["reshaping", 10]);
  expect(stateWith("      bitmap: 0/1 pages [0KB]")).toEqual(["active", 100]);
});

test("leaves the blocks of an array unknown when they can't be read", () => {
  expect(array("md5 : broken raid1", "      nothing known")).toEqual([
    {
      device: "md5",
      state: "broken",
      required: 0,
      active: 0,
      failed: 0,
      spare: 0,
      blocks: Number.NaN,
      synced: Number.NaN,
    },
  ]);
});
