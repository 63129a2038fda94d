import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("gives the numbers behind each mount point that has space, the uppermost where two lie on each other", async () => {
  const driven = await drive(sourceNamed("mount_info"), {
    "proc/1/mountinfo": [
      "22 27 0:21 / /proc rw,relatime - proc proc rw",
      "27 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw",
      "30 27 8:16 / /srv/my\\040data rw,relatime shared:2 master:1 - xfs /dev/sdb rw,noquota",
      "31 27 8:32 / /over rw - ext4 /dev/sdc rw",
      "32 27 0:44 / /over rw - tmpfs tmpfs rw",
      "cut off",
      "",
    ].join("\n"),
  });
  expect([...(await driven.read()).keys()]).toEqual([
    'node_filesystem_mount_info{device="/dev/vda1",major="254",minor="1",mountpoint="/"}',
    'node_filesystem_mount_info{device="/dev/sdb",major="8",minor="16",mountpoint="/srv/my data"}',
    'node_filesystem_mount_info{device="tmpfs",major="0",minor="44",mountpoint="/over"}',
  ]);
});
