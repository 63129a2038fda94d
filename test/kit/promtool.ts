/** Debian's promtool as a judge of rule files: what our renderer wrote is what Prometheus evaluates. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
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
}

export interface Verdict {
  readonly passed: boolean;
  readonly output: string;
}

/** Seconds between two samples and two evaluations. */
export const stepSeconds = 10;

export function testRules(ruleFile: string, tests: readonly RuleTest[]): Verdict {
  const folder = makeFolder();
  writeFileSync(join(folder, "rules.yaml"), ruleFile);
  const document = {
    rule_files: ["rules.yaml"],
    evaluation_interval: `${stepSeconds}s`,
    tests: tests.map(renderTest),
  };
  const file = join(folder, "tests.yaml");
  writeFileSync(file, stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }));
  return run(["test", "rules", file]);
}

export function checkRules(ruleFile: string): Verdict {
  const file = join(makeFolder(), "rules.yaml");
  writeFileSync(file, ruleFile);
  return run(["check", "rules", file]);
}

function run(args: readonly string[]): Verdict {
  const result = spawnSync("promtool", args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  return { passed: result.status === 0, output: `${result.stdout}${result.stderr}` };
}

function renderTest(test: RuleTest): object {
  const at = (step: number): string => `${step * stepSeconds}s`;
  return {
    name: test.name,
    interval: `${stepSeconds}s`,
    input_series: test.series.map(({ name, labels, values }) => ({
      series: `${name}{${Object.entries(labels)
        .map(([label, value]) => `${label}=${JSON.stringify(value)}`)
        .join(",")}}`,
      values: values.map((value) => value ?? "_").join(" "),
    })),
    promql_expr_test: (test.counts ?? []).map(({ step, alert, state, count }) => ({
      expr: `count(ALERTS{alertname="${alert}",alertstate="${state}"}) or vector(0)`,
      eval_time: at(step),
      exp_samples: [{ labels: "{}", value: count }],
    })),
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
