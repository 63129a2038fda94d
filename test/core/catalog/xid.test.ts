import { describe, expect, test } from "vitest";
import { describeXid, xidActions, xidCodes } from "../../../core/catalog/xid.ts";

describe("xid table", () => {
  test("holds every code from 1 to 173 exactly once", () => {
    expect(xidCodes).toEqual(Array.from({ length: 173 }, (_, index) => index + 1));
  });

  test("uses every action that is promised as a label value", () => {
    const used = new Set(xidCodes.map((code) => describeXid(code).action));
    expect([...used].sort()).toEqual([...xidActions].sort());
  });

  test("has a description on one line for every code", () => {
    for (const code of xidCodes) {
      const { description, mnemonic } = describeXid(code);
      expect(description, String(code)).toMatch(/^[A-Z][^|]{5,}$/);
      expect(mnemonic, String(code)).toMatch(/^[A-Z0-9_]*$/);
    }
  });

  test.each([
    [13, "restart_app", false],
    [31, "restart_app", false],
    [43, "ignore", false],
    [48, "reset_gpu", true],
    [54, "check_hardware", true],
    [63, "ignore", false],
    [64, "reset_gpu", true],
    [74, "check_nvlink", true],
    [78, "update_software", true],
    [79, "reboot", true],
    [92, "ignore", false],
    [94, "restart_app", false],
    [95, "reset_gpu", true],
    [119, "reset_gpu", true],
    [145, "check_nvlink", true],
    [151, "restart_vm", true],
    [154, "see_message", false],
    [162, "unknown", false],
    [173, "unknown", true],
  ] as const)("gives XID %d the action %s, fatal %s", (code, action, fatal) => {
    expect(describeXid(code)).toMatchObject({ code, action, fatal });
  });

  test("describes a code it doesn't know as unknown and not as harmless", () => {
    expect(describeXid(9999)).toEqual({
      code: 9999,
      mnemonic: "",
      description: "XID 9999 is not in the catalogue of this version",
      action: "unknown",
      fatal: false,
    });
  });
});
