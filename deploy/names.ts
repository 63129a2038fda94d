/** What the manifests share: names, labels, ports and paths. */
import { version } from "../core/kit/version.ts";

export const namespace = "warpwatch";
/** Named in one place of the kustomization, so that an overlay can put a mirror there. */
export const imageName = "ghcr.io/warpwatch/warpwatch";
export const imageTag = version;

export const agentName = "warpwatch-agent";
export const collectorName = "warpwatch-collector";
/** Holds the token with which Prometheus and the collector come; who installs makes it. */
export const tokenSecret = "warpwatch-token";
export const tokenKey = "token";
/** Holds what notifiers need, each key a file; may be missing. */
export const notifierSecret = "warpwatch-notifiers";

export const agentPort = 9410;
export const collectorPort = 9411;

export const tokenFolder = "/etc/warpwatch/token";
export const tokenFile = `${tokenFolder}/${tokenKey}`;
export const notifierFolder = "/etc/warpwatch/notifiers";
export const configFolder = "/etc/warpwatch/config";
/** The mount is root's or a group's; the processes keep their things in a folder of their own in it. */
export const stateMount = "/var/lib/warpwatch";
export const stateFolder = `${stateMount}/state`;

/** Nobody's in the image's passwd, so that it is nobody's on the host either. */
export const userId = 65_532;

export type Labels = Record<string, string>;

export function selectorOf(name: string): Labels {
  return { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "warpwatch" };
}

export function labelsOf(name: string): Labels {
  return { ...selectorOf(name), "app.kubernetes.io/version": version };
}

export function metadataOf(name: string): { name: string; labels: Labels } {
  return { name, labels: labelsOf(name) };
}
