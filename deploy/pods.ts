/** What every pod of ours has in common: no root, no privileges, nothing it could write but its state. */
import type { IContainer } from "kubernetes-models/v1/Container";
import type { IPodSpec } from "kubernetes-models/v1/PodSpec";
import type { IVolume } from "kubernetes-models/v1/Volume";
import type { IVolumeMount } from "kubernetes-models/v1/VolumeMount";
import { imageName, tokenFolder, tokenSecret, userId } from "./names.ts";

export const podSecurity: NonNullable<IPodSpec["securityContext"]> = {
  runAsNonRoot: true,
  runAsUser: userId,
  runAsGroup: userId,
  fsGroup: userId,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

export const containerSecurity: NonNullable<IContainer["securityContext"]> = {
  allowPrivilegeEscalation: false,
  privileged: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

export const image: Pick<IContainer, "image" | "imagePullPolicy"> = {
  image: imageName,
  imagePullPolicy: "IfNotPresent",
};

/** Read by owner and group only: the agent refuses a token that everybody could read. */
export const tokenVolume: IVolume = {
  name: "token",
  secret: { secretName: tokenSecret, defaultMode: 0o440 },
};
export const tokenMount: IVolumeMount = { name: "token", mountPath: tokenFolder, readOnly: true };
