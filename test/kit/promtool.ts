/** Debian's promtool as a judge of rule files: what our renderer wrote is what Prometheus evaluates. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeFolder } from "./folder.ts";

/** One series over the steps of a test; undefined is a step without a sample. */
export interface InputSeries {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: readonly (number | undefined)[];
}

export interface ExpectedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface RuleTest {
  readonly name: string;
  readonly series: readonly InputSeries[];
  /** How many series of an alert are in a state at a step. */
  readonly counts?: readonly {
    readonly step: number;
    readonly alert: string;
    readonly state: "pending" | "firing";
    readonly count: number;
  }[];
  /** The alerts of a name that fire at a step, whole. */
  readonly firing?: readonly {
    readonly step: number;
    readonly alert: string;
    readonly alerts: readonly ExpectedAlert[];
  }[];
  /** The one sample that an expression gives at a step. */
  readonly values?: readonly {
    readonly step: number;
    readonly expression: string;
    readonly labels: string;
    readonly value: number;
  }[];
  /** All samples that an expression gives at a step. */
  readonly vectors?: readonly {
    readonly step: number;
    readonly expression: string;
    readonly samples: readonly {
      readonly labels: Readonly<Record<string, string>>;
      readonly value: number;
    }[];
  }[];
  /** A series ends where it has no sample, as when a scrape no longer finds it; otherwise the sample is just late. */
  readonly ends?: boolean;
}

/** One rule file and what it is held against. */
export interface RuleTrial {
  readonly ruleFile: string;
  readonly tests: readonly RuleTest[];
  /** Seconds between two samples and two evaluations. */
  readonly stepSeconds: number;
}

export interface Verdict {
  readonly passed: boolean;
  readonly output: string;
}

/** A verdict for each trial; promtool is started no more often than there are processors. */
export async function tryRules(trials: readonly RuleTrial[]): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-promtool-"));
  const files = trials.map((trial, index) => writeTrial(folder, trial, index));
  const lanes = Math.max(1, Math.min(2, availableParallelism()));
  const shares = Array.from({ length: lanes }, (_, lane) =>
    files.filter((_file, index) => index % lanes === lane),
  );
  const outputs = await Promise.all(shares.map(runTests)).finally(() =>
    rmSync(folder, { recursive: true }),
  );
  const verdicts = new Map(outputs.flatMap((output) => [...splitByFile(output)]));
  return files.map((file) => verdicts.get(file) ?? { passed: false, output: outputs.join("\n") });
}

export function checkRules(ruleFile: string): Verdict {
  const file = join(makeFolder(), "rules.yaml");
  writeFileSync(file, ruleFile);
  const result = spawnSync("promtool", ["check", "rules", file], { encoding: "utf8" });
  return { passed: result.status === 0, output: `${result.stdout}${result.stderr}` };
}

function writeTrial(folder: string, { ruleFile, tests, stepSeconds }: RuleTrial, index: number) {
  const rules = `rules-${index}.yaml`;
  writeFileSync(join(folder, rules), ruleFile);
  const document = {
    rule_files: [rules],
    evaluation_interval: `${stepSeconds}s`,
    tests: tests.map((test) => renderTest(test, stepSeconds)),
  };
  const file = join(folder, `tests-${index}.yaml`);
  // JSON is YAML, and is written and read many times faster.
  writeFileSync(file, JSON.stringify(document));
  return file;
}

async function runTests(files: readonly string[]): Promise<string> {
  if (files.length === 0) return "";
  const options = { encoding: "utf8", maxBuffer: 256 * 1024 * 1024 } as const;
  try {
    const { stdout, stderr } = await promisify(execFile)(
      "sh",
      // In one stream, so that what failed stands below its file's name.
      ["-c", 'promtool test rules "$@" 2>&1', "sh", ...files],
      options,
    );
    return stdout + stderr;
  } catch (thrown) {
    // It ends with 1 when any of them failed.
    const { stdout = "", stderr = "" } = thrown as { stdout?: string; stderr?: string };
    return `${stdout}\n${stderr}`;
  }
}

/** promtool says a file's name, then SUCCESS or FAILED and why; the reasons come over another stream in some versions. */
function splitByFile(output: string): Map<string, Verdict> {
  const parts = output.split(/^Unit Testing: +/m).slice(1);
  return new Map(
    parts.map((part) => {
      const end = part.indexOf("\n");
      const text = part.slice(end + 1);
      return [part.slice(0, end).trim(), { passed: /^\s*SUCCESS/m.test(text), output: text }];
    }),
  );
}

function renderTest(test: RuleTest, stepSeconds: number): object {
  const at = (step: number): string => `${step * stepSeconds}s`;
  return {
    name: test.name,
    interval: `${stepSeconds}s`,
    input_series: test.series.map(({ name, labels, values }) => ({
      series: `${name}${renderLabels(labels)}`,
      values: values.map((value) => value ?? (test.ends === true ? "stale" : "_")).join(" "),
    })),
    promql_expr_test: [
      ...(test.counts ?? []).map(({ step, alert, state, count }) => ({
        expr: `count(ALERTS{alertname="${alert}",alertstate="${state}"}) or vector(0)`,
        eval_time: at(step),
        exp_samples: [{ labels: "{}", value: count }],
      })),
      ...(test.values ?? []).map(({ step, expression, labels, value }) => ({
        expr: expression,
        eval_time: at(step),
        exp_samples: [{ labels, value }],
      })),
      ...(test.vectors ?? []).map(({ step, expression, samples }) => ({
        expr: expression,
        eval_time: at(step),
        exp_samples: samples.map(({ labels, value }) => ({ labels: renderLabels(labels), value })),
      })),
    ],
    alert_rule_test: (test.firing ?? []).map(({ step, alert, alerts }) => ({
      alertname: alert,
      eval_time: at(step),
      exp_alerts: alerts.map(({ labels, annotations }) => ({
        exp_labels: labels,
        exp_annotations: annotations,
      })),
    })),
  };
}

function renderLabels(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([label, value]) => `${label}=${JSON.stringify(value)}`);
  return `{${parts.join(",")}}`;
}
