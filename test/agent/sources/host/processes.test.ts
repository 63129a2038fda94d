import { expect, test } from "vitest";
import { processesSource } from "../../../../agent/sources/host/processes.ts";
import { drive, openOutcome } from "./drive.ts";

const stat = (id: number, name: string, state: string, threads: number): string =>
  `${id} (${name}) ${state} 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 ${threads} 0 13 0\n`;

test("counts processes and threads by state, whatever a process calls itself", async () => {
  const driven = await drive(processesSource, {
    "proc/1/stat": stat(1, "init", "S", 1),
    "proc/20/stat": stat(20, "a) R 1 (b\n) D", "D", 3),
    "proc/20/task/20/stat": stat(20, "a) R 1 (b\n) D", "D", 3),
    "proc/20/task/21/stat": stat(21, "worker", "S", 3),
    "proc/20/task/22/stat": stat(22, "worker", "R", 3),
    "proc/300/stat": stat(300, "gone", "Z", 1),
    "proc/301/stat": "301 (cut",
    "proc/302/stat": stat(302, "odd", "?", 1),
    "proc/self/stat": stat(1, "init", "S", 1),
    "proc/sys/kernel/pid_max": "4194304\n",
    "proc/sys/kernel/threads-max": "many\n",
  });
  const expected = {
    'node_processes_state{state="S"}': 1,
    'node_processes_state{state="D"}': 1,
    'node_processes_state{state="Z"}': 1,
    'node_processes_threads_state{thread_state="R"}': 1,
    'node_processes_threads_state{thread_state="S"}': 2,
    'node_processes_threads_state{thread_state="D"}': 1,
    'node_processes_threads_state{thread_state="Z"}': 1,
    node_processes_pids: 3,
    node_processes_threads: 5,
    node_processes_max_processes: 4_194_304,
  };
  expect(Object.fromEntries(await driven.read())).toEqual(expected);
  driven.change({ "proc/1/stat": stat(1, "init", "R", 1) });
  const after = await driven.read();
  expect(after.get('node_processes_state{state="R"}')).toBe(1);
  expect(after.has('node_processes_state{state="S"}')).toBe(false);
  expect(driven.changes).toBe(0);
});

test("is absent where there is no process to be seen", async () => {
  expect(await openOutcome(processesSource, { "proc/stat": "" })).toMatch(/nothing is at \/proc/);
});
