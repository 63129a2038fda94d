/** Log lines: one JSON object per line on stderr; WARN means nothing was lost, ERROR that data was lost or hands are needed. */
import { singleLine } from "./errors.ts";
import type { Clock } from "./clock.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
export type LogFields = Readonly<Record<string, string | number | boolean>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

const order: readonly LogLevel[] = ["debug", "info", "warn", "error"];

export interface LogOptions {
  readonly clock: Clock;
  readonly level?: LogLevel;
  readonly write?: (line: string) => void;
  /** The same message is written at most once in this time; how often it was held back rides on the next. */
  readonly repeatMilliseconds?: number;
}

export function createLog(options: LogOptions): Log {
  const { clock } = options;
  const lowest = order.indexOf(options.level ?? "info");
  const write = options.write ?? ((line: string) => process.stderr.write(line));
  const repeatMilliseconds = options.repeatMilliseconds ?? 60_000;
  const recent = new Map<string, { at: number; held: number }>();

  function emit(level: LogLevel, message: string, fields: LogFields): void {
    if (order.indexOf(level) < lowest) return;
    const repeatKey = `${level} ${message} ${typeof fields["source"] === "string" ? fields["source"] : ""}`;
    const last = recent.get(repeatKey);
    const now = clock.monotonic();
    if (last && level !== "info" && now - last.at < repeatMilliseconds) {
      last.held += 1;
      return;
    }
    if (recent.size >= 1000) recent.clear();
    recent.set(repeatKey, { at: now, held: 0 });
    const line: Record<string, string | number | boolean> = {
      time: new Date(clock.now()).toISOString(),
      level,
      message: singleLine(message),
    };
    for (const [name, value] of Object.entries(fields)) {
      // An event's own field must not pass for the line's.
      const key = Object.hasOwn(line, name) ? `event_${name}` : name;
      line[key] = typeof value === "string" ? singleLine(value) : value;
    }
    if (last && last.held > 0) line["repeated"] = last.held;
    write(`${JSON.stringify(line)}\n`);
  }

  return {
    debug: (message, fields = {}) => emit("debug", message, fields),
    info: (message, fields = {}) => emit("info", message, fields),
    warn: (message, fields = {}) => emit("warn", message, fields),
    error: (message, fields = {}) => emit("error", message, fields),
  };
}
