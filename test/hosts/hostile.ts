/** A host that breaks every habit: odd names, escapes, truncated, overlong, huge, negative and binary fields, holes. */
import type { HostTree } from "./tree.ts";

export function hostileHost(): HostTree {
  return {
    "proc/stat": Buffer.concat([
      Buffer.from("cpu  1 2 3\n"),
      Buffer.from("cpu0 100 -5 300 400 500 600 700 800 900 1000\n"),
      Buffer.from("cpux 1 2 3 4\n"),
      Buffer.from("cpu7 10 20\n"),
      Buffer.from([0x00, 0xff, 0xfe, 0x0a]),
      Buffer.from("\n\n"),
      Buffer.from("intr 99999999999999999999999 1 2\n"),
      Buffer.from("ctxt 12x\n"),
      Buffer.from("btime 1795329575\n"),
      Buffer.from("processes 18446744073709551615\n"),
      // The last line is cut off in its number's place.
      Buffer.from("procs_running "),
    ]),
    "proc/loadavg": "0.10 nonsense 2.5e1\n",
    "proc/meminfo": [
      "MemTotal: 100 kB",
      "MemFree: garbage kB",
      "no colon here",
      "",
      "Odd-Key!: 5 kB",
      `${"K".repeat(5000)}: 7 kB`,
      "Cached: -3 kB",
      "Buffers:",
      "Shmem: 9 MB",
      "Slab: 11 kB",
      "",
    ].join("\n"),
    "proc/vmstat": "pgfault\npgmajfault seven\noom_kill 3 \n\0\0\npswpin 18446744073709551616\n",
    "proc/pressure/cpu": "some avg10=0.00 nothing\n",
    "proc/pressure/io": "",
    "proc/pressure/memory": "full total=abc\nsome total=2000000",
    "proc/diskstats": [
      "one two three",
      " 8 0 sdz 1 2",
      " 8 16 sd\u00fcß 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
      " 8 16 sd\u00fcß 9 9 9 9 9 9 9 9 9 9 9",
      " 8 32 cciss/c0d0 -1 2 3 4 5 6 7 8 9 10 11",
      "",
    ].join("\n"),
    "proc/net/dev": Buffer.concat([
      Buffer.from("heading\nheading\n"),
      Buffer.from("eth0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"),
      Buffer.from('q"uo\\te: 21 22\n'),
      Buffer.from([0xff, 0x3a]),
      Buffer.from(" 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46\n"),
      Buffer.from("no colon at all\n : 1 2 3\n"),
    ]),
    "proc/1/mounts": [
      "/dev/sda1 / ext4 rw 0 0",
      "too few",
      "/dev/sdb1 /mnt/tab\\011and\\134slash\\012line ext4 emergency_ro,relatime 0 0",
      "/dev/sdc1 /gone ext4 rw 0 0",
      "/dev/sdd1 /twice ext4 rw 0 0",
      "/dev/sdd1 /twice ext4 ro 0 0",
      "/dev/sde1 /over ext4 rw 0 0",
      "tmpfs /over tmpfs rw 0 0",
      "",
    ].join("\n"),
    "mnt/tab\tand\\slash\nline": null,
    twice: null,
    over: null,
    "proc/sys/kernel/osrelease": "6.0.0\u0007bell\n",
    "usr/lib/os-release":
      'NAME=\'Single Quoted\'\n# ID=comment\nID="we\\"ird"\nVERSION_ID=rolling\n=\nnonsense\n',
  };
}
