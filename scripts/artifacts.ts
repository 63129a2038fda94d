/** The generated files that people deploy: boards, rule file, Alertmanager's configuration, manifests. */
import { optionalRules, shippedRules } from "../alerts/all.ts";
import { exampleOptions, renderAlertmanager } from "../alerts/alertmanager.ts";
import { renderRuleFile } from "../alerts/prometheus.ts";
import { renderRecordingFile } from "../alerts/recording.ts";
import { renderBoards } from "../dashboards/all.ts";
import { renderDeployment } from "../deploy/all.ts";

/** Folders that hold nothing else: a file that is no longer generated goes. */
export const generatedFolders = ["dashboards/json", "alerts/yaml", "deploy/kustomize"] as const;

/** Path from the repository's root → text. */
export function generatedArtifacts(): ReadonlyMap<string, string> {
  return new Map([
    ...[...renderBoards()].map(([name, text]) => [`dashboards/json/${name}`, text] as const),
    ["alerts/yaml/warpwatch.rules.yaml", renderRuleFile(shippedRules)],
    ["alerts/yaml/warpwatch-optional.rules.yaml", renderRuleFile(optionalRules, "-optional")],
    ["alerts/yaml/warpwatch-recording.rules.yaml", renderRecordingFile()],
    ["alerts/alertmanager/alertmanager.yaml", renderAlertmanager(exampleOptions)],
    ...renderDeployment(),
  ]);
}
