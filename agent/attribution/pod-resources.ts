/** Which pods hold which devices, asked of the kubelet: its pod-resources service, v1 of k8s.io/kubelet/pkg/apis/podresources. */
import { join } from "node:path";
import { callGrpc } from "../../core/kit/grpc-call.ts";
import { readFields, readText, type ProtobufField } from "../../core/wire/protobuf.ts";

/** Where the kubelet has its socket; the folder has to be mounted, as the socket is made anew with the kubelet. */
const podResourcesFolder = "var/lib/kubelet/pod-resources";

/** One device that a container of a pod holds. */
export interface HeldDevice {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** `nvidia.com/gpu`, `nvidia.com/mig-1g.10gb`, `amd.com/gpu`; the driver's name for a claimed one. */
  readonly resource: string;
  /** As the device plug-in calls it: `GPU-…`, `MIG-…`, `GPU-…::2`, `nvidia0/gi1`; for a claimed one the device's name in its pool. */
  readonly deviceId: string;
  /** Name of the resource claim; empty for what a device plug-in gave. */
  readonly claim: string;
  readonly pool: string;
}

export interface PodResourcesOptions {
  readonly socketPath: string;
  readonly timeoutMilliseconds?: number;
}

/** The same limit that Kubernetes' own clients have. */
const maximumAnswerBytes = 16 * 1024 * 1024;
/** More devices than any node hands out. */
const maximumHeld = 4096;

/** Throws CALL_FAILED and MESSAGE_MALFORMED. */
export async function listHeldDevices(options: PodResourcesOptions): Promise<HeldDevice[]> {
  const answer = await call(options, "List");
  return decodePods(answer);
}

/** Ids of the devices that the kubelet hands out, held or not. Throws CALL_FAILED and MESSAGE_MALFORMED. */
export async function listAllocatable(options: PodResourcesOptions): Promise<string[]> {
  const answer = await call(options, "GetAllocatableResources");
  return readFields(answer)
    .filter(({ number }) => number === 1)
    .flatMap((field) => decodeDevices(field))
    .map(({ deviceId }) => deviceId);
}

export function socketPathUnder(rootfs: string): string {
  return join(rootfs, podResourcesFolder, "kubelet.sock");
}

function call(
  { socketPath, timeoutMilliseconds = 2000 }: PodResourcesOptions,
  method: string,
): Promise<Buffer> {
  return callGrpc({
    socketPath,
    method: `/v1.PodResourcesLister/${method}`,
    request: new Uint8Array(0),
    timeoutMilliseconds,
    maximumBytes: maximumAnswerBytes,
  });
}

function decodePods(answer: Buffer): HeldDevice[] {
  const held: HeldDevice[] = [];
  for (const podField of readFields(answer)) {
    if (podField.number !== 1) continue;
    const fields = readFields(podField.bytes);
    const pod = textOf(fields, 1);
    const namespace = textOf(fields, 2);
    for (const container of fields.filter(({ number }) => number === 3)) {
      const owner = { namespace, pod };
      for (const one of decodeContainer(container, owner))
        if (held.length < maximumHeld) held.push(one);
    }
  }
  return held;
}

function decodeContainer(
  field: ProtobufField,
  owner: Pick<HeldDevice, "namespace" | "pod">,
): HeldDevice[] {
  const fields = readFields(field.bytes);
  const own = { ...owner, container: textOf(fields, 1) };
  return fields.flatMap((each): HeldDevice[] => {
    if (each.number === 2)
      return decodeDevices(each).map((device) => ({ ...own, ...device, claim: "", pool: "" }));
    return each.number === 5 ? decodeClaim(each).map((claim) => ({ ...own, ...claim })) : [];
  });
}

function decodeDevices(field: ProtobufField): { resource: string; deviceId: string }[] {
  const fields = readFields(field.bytes);
  const resource = textOf(fields, 1);
  return fields
    .filter(({ number }) => number === 2)
    .map((id) => ({ resource, deviceId: readText(id) }));
}

/** Dynamic resource allocation: a claim holds devices of a driver's pool. */
function decodeClaim(
  field: ProtobufField,
): Pick<HeldDevice, "resource" | "deviceId" | "claim" | "pool">[] {
  const fields = readFields(field.bytes);
  const claim = textOf(fields, 2);
  return fields
    .filter(({ number }) => number === 4)
    .map(({ bytes }) => {
      const resource = readFields(bytes);
      return {
        claim,
        resource: textOf(resource, 2),
        pool: textOf(resource, 3),
        deviceId: textOf(resource, 4),
      };
    });
}

function textOf(fields: readonly ProtobufField[], number: number): string {
  const field = fields.findLast((each) => each.number === number);
  return field ? readText(field) : "";
}
