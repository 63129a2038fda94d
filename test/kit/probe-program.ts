/** A probe's program whose calls do what drivers do: hang in the call itself or in a thread, fail, die with the process. */
import koffi from "koffi";
import { setTimeout as wait } from "node:timers/promises";
import { serveProbe } from "../../agent/probes/serve.ts";

const usleep = koffi.load("libc.so.6").func("int usleep(unsigned int microseconds)");

serveProbe(
  {
    echo: (argument, key) => ({ argument, key }),
    processId: () => process.pid,
    threads: () => process.env["UV_THREADPOOL_SIZE"],
    /** Holds the whole process, as a driver's call does. */
    hang: (milliseconds) => usleep(Number(milliseconds) * 1000),
    /** Holds one thread. */
    hangInThread: (milliseconds) =>
      new Promise((resolve, reject) => {
        usleep.async(Number(milliseconds) * 1000, (thrown: unknown, value: unknown) =>
          thrown instanceof Error ? reject(thrown) : resolve(value),
        );
      }),
    answerLate: (milliseconds) => wait(Number(milliseconds), "late"),
    fail: () => {
      throw new Error("the device\nsays no");
    },
    failLater: () => Promise.reject(new Error("the device said no")),
    answerNothingClonable: () => () => 1,
    die: () => {
      process.stderr.write("the driver broke the process\n");
      process.exit(3);
    },
    crash: () => process.kill(process.pid, "SIGSEGV"),
  },
  { whenAlone: "leave" },
);
