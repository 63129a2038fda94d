/** The `slow-kernel` probe: the program of the child process. */
import { serveProbe } from "./serve.ts";
import { slowKernelCalls } from "./slow-kernel-calls.ts";

serveProbe(slowKernelCalls, { whenAlone: "leave" });
