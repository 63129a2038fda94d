/** The tables of NVLink 5 errors and NVSwitch errors are read as NVIDIA's documents have them. */
import { expect, test } from "vitest";
import { decodeNvlink5 } from "../../../core/catalog/nvlink5.ts";
import { findSxid, sxidCodes } from "../../../core/catalog/sxid.ts";

test("every SXID has a description and a scope, and its codes ascend", () => {
  expect(sxidCodes).toEqual([...sxidCodes].sort((one, other) => one - other));
  expect(sxidCodes.length).toBe(93);
  for (const code of sxidCodes) expect(findSxid(code)?.description).toMatch(/\S{2}/);
  expect(findSxid(22003)).toMatchObject({ scope: "fabric" });
  expect(findSxid(12028)).toMatchObject({ scope: "port" });
  expect(findSxid(11012)).toMatchObject({ scope: "none" });
  expect(findSxid(1)).toBeUndefined();
});

test.each([
  // Sub-code 0 of RLW_REMAP, first layout: low bits 0010000010.
  [145, "RLW_REMAP  Fatal   XC0 i0 Link 03 (0x00000082 0x00000040)", "reset_gpu", "fatal", 0, 3],
  // The same in the second layout: low bits 0000100.
  [145, "RLW_REMAP Fatal XC0 i0 Link -1 (0x00000004 0x00000040)", "reset_gpu", "fatal", 0, -1],
  // A unit by the second of its names, with a process before it.
  [
    149,
    "pid=7, name=x, NETIR_LINK_DOWN Fatal XC0 i0 Link 08 (0x004505c6 0x00000000)",
    "",
    "",
    4,
    8,
  ],
])("NVLink 5 error %i of %s", (xid, message, action, severity, subcode, link) => {
  const decoded = decodeNvlink5(xid, message);
  expect(decoded).toMatchObject({ subcode, link });
  if (action !== "") expect(decoded).toMatchObject({ action, severity });
});

test.each([
  ["another XID", 146, "RLW_REMAP Fatal XC0 i0 Link 03 (0x00000082 0x00000040)"],
  ["a status that isn't listed", 145, "RLW_REMAP Fatal XC0 i0 Link 03 (0x00000082 0x12345678)"],
  ["a unit that isn't listed", 145, "NEW_UNIT Fatal XC0 i0 Link 03 (0x00000082 0x00000040)"],
  ["no status words", 145, "RLW_REMAP Fatal"],
])("%s isn't decoded", (_, xid, message) => {
  expect(decodeNvlink5(xid, message)).toBeUndefined();
});
