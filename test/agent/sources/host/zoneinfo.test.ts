import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const zone = (protection: string, free = "77"): string =>
  [
    "Node 1, zone   Normal",
    "  per-node stats",
    "      nr_inactive_anon 5",
    `  pages free     ${free}`,
    "        boost    0",
    "        min      1",
    `        protection: ${protection}`,
    `      nr_free_pages ${free}`,
    "      numa_hit     9",
    "      nr_unheard_of 9",
    "  pagesets",
    "    cpu: 0",
    "              high:     378",
    "",
  ].join("\n");

test("gives a zone's pages, counts and protections, and nothing of its processors' sets", async () => {
  const driven = await drive(sourceNamed("zoneinfo"), { "proc/zoneinfo": zone("(0, 31)") });
  const labels = '{node="1",zone="Normal"}';
  const expected = {
    [`node_zoneinfo_nr_inactive_anon_pages${labels}`]: 5,
    [`node_zoneinfo_min_pages${labels}`]: 1,
    [`node_zoneinfo_protection_0${labels}`]: 0,
    [`node_zoneinfo_protection_1${labels}`]: 31,
    [`node_zoneinfo_nr_free_pages${labels}`]: 77,
    [`node_zoneinfo_numa_hit_total${labels}`]: 9,
  };
  expect(Object.fromEntries(await driven.read())).toEqual(expected);
  driven.change({ "proc/zoneinfo": zone("(0, 32)", "78") });
  expect(Object.fromEntries(await driven.read())).toEqual({
    ...expected,
    [`node_zoneinfo_protection_1${labels}`]: 32,
    [`node_zoneinfo_nr_free_pages${labels}`]: 78,
  });
});
