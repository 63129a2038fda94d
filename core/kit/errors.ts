/** Every error a user can meet, in one table: a code to search for, a sentence, and what to do about it. */

export const errorTable = {
  CONFIG_SYNTAX: "the file isn't valid YAML: mend the line that is named",
  CONFIG_UNKNOWN_KEY: "no such setting: take the key out or spell it as docs/configuration.md does",
  CONFIG_INVALID_VALUE: "the value doesn't fit the setting: docs/configuration.md says what does",
  CONFIG_UNREADABLE: "check that the file exists and that this user may read it",
  FLAG_INVALID: "run the command with --help to see its flags",
  LIBRARY_MISSING: "the installation is incomplete: install Warpwatch again, with its dependencies",
  LISTEN_FAILED:
    "another program has the port, or this user may not open it: choose another address",
  PATH_UNREADABLE: "mount the path or give this user the right to read it",
  CALL_FAILED:
    "the service on that socket refused or didn't answer: see whether it runs, and what its log says",
  MESSAGE_MALFORMED:
    "the other side doesn't speak the protocol that is expected: see which program has the socket",
  MESSAGE_TOO_LARGE:
    "the sender's requests are over the limit: let it send fewer samples at once, or raise the limit",
  PROGRAM_FAILED: "run the program by hand as the same user: what it says is what has to be mended",
  PROBE_BUSY:
    "a call to the same device or mount has not come back: see warpwatch_probe_in_flight_seconds",
  PROBE_TIMEOUT:
    "a driver, device or mount doesn't answer: see warpwatch_probe_in_flight_seconds and the kernel's log",
  DRIVER_REFUSED:
    "run nvidia-smi as the same user: where it fails too, the driver needs to be reloaded or the node restarted",
  PROBE_FAILED: "the sentence says what a driver, device or mount refused; the log says more",
  SOURCE_TIMEOUT:
    "the kernel or driver didn't answer in time: see warpwatch_source_duration_seconds",
  SOURCE_MALFORMED:
    "the kernel file doesn't have the form its documentation gives: please report it with the line",
  TARGET_UNREACHABLE: "check that the target runs and that the address is right",
  TARGET_TIMEOUT:
    "the target is slow or hangs: look at it, or raise the job's `timeout` and `interval`",
  TARGET_REFUSED:
    "open the address with curl: it must answer 200 with a metrics page, not redirect",
  TARGET_TOO_LARGE:
    "the answer is over the limit: raise `body_limit_bytes` of the job or scrape less",
  TLS_UNUSABLE:
    "look at certificate, key and authorities with `openssl x509` and `openssl pkey`: they must be PEM, belong together and be readable",
  EXPOSITION_MALFORMED: "the target's metrics page breaks the format at the line that is named",
  FRAME_MALFORMED:
    "the sender and this process don't speak the same frame format: run the same version on both",
  HISTORY_FAILED:
    "the process that reads and writes history's files failed: see its folder's rights, space and memory",
  BACKFILL_FAILED:
    "see the address and the credentials under `backfill`; the detectors learn from what comes in from now on",
  QUERY_INVALID: "mend the parameter that is named; docs/history.md tells what each takes",
  PUSH_REFUSED:
    "the collector refused what the agent sent: the sentence says why, and docs/push.md what to change",
  PUSH_FAILED:
    "the collector can't be reached: what was measured waits in memory, then in the spool, and is sent when it can",
  LIMIT_REACHED:
    "something was dropped to keep a bound: docs/configuration.md says how to raise it",
  STATE_UNUSABLE: "the state folder can't be used: check its owner, its mode and the free space",
  NOTIFY_REFUSED: "the receiver refused the notification for good: check its key and address",
  NOTIFY_FAILED: "the receiver could not be reached; it will be tried again",
  SCENARIO_INVALID: "the fault script can't be played: mend the entry that is named",
  CONTROL_FAILED: "is the agent running, and is this the user who started it?",
} as const;

export type ErrorCode = keyof typeof errorTable;

export class WarpwatchError extends Error {
  readonly code: ErrorCode;
  /** What the user can do. */
  readonly remedy: string;

  constructor(code: ErrorCode, sentence: string, options: { readonly cause?: unknown } = {}) {
    super(sentence, options);
    this.name = "WarpwatchError";
    this.code = code;
    this.remedy = errorTable[code];
  }
}

/** One line for a person, whatever was thrown: never a stack trace. */
export function describeError(thrown: unknown): string {
  if (thrown instanceof WarpwatchError)
    return `${thrown.message} (${thrown.code}: ${thrown.remedy})`;
  if (thrown instanceof AggregateError && thrown.errors.length > 0)
    return describeError(thrown.errors[0]);
  if (thrown instanceof Error) return singleLine(thrown.message || thrown.name);
  return singleLine(String(thrown));
}

/** The system's code (`ENOENT`) of a thrown value, or an empty string. */
export function systemCode(thrown: unknown): string {
  if (typeof thrown === "object" && thrown !== null && "code" in thrown)
    return typeof thrown.code === "string" ? thrown.code : "";
  return "";
}

/** Without control characters (C0, C1) and line breaks: names from outside can't drive a terminal. */
export function singleLine(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it removes
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]+/g, " ").trim();
}
