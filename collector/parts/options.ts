/** What a collector is started with. */
import type { Env } from "../../core/kit/env.ts";
import type { Log } from "../../core/kit/log.ts";
import type { CollectorConfig } from "../config.ts";

export interface CollectorOptions {
  readonly env: Env;
  readonly log: Log;
  readonly config: CollectorConfig;
  /** Where state goes when the configuration doesn't say. */
  readonly defaultStateFolder: string;
}
