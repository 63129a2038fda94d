/** The `gpu` probe: the program of the child process. */
import { gpuCalls } from "./gpu-calls.ts";
import { serveProbe } from "./serve.ts";

serveProbe(gpuCalls, { whenAlone: "finish" });
