/**
 * One call of the `slow-kernel` probe: an NVMe controller's SMART log page by NVME_IOCTL_ADMIN_CMD (linux/nvme_ioctl.h),
 * which sends Get Log Page, opcode 2, of the NVMe base specification.
 */
import { loadDeviceCalls, withDevice } from "./device-calls.ts";

export interface NvmeSmartQuestion {
  /** `/dev/nvme0` */
  readonly path: string;
  readonly library: string | null;
}

const smartPageBytes = 512;

const adminCommand = 0xc048_4e41;
const commandBytes = 72;
const getLogPage = 0x02;
const smartPage = 0x02;
const everyNamespace = 0xffff_ffff;
/** After so long the kernel resets the controller: as its own commands do, so that nothing is reset sooner for our sake. */
const kernelTimeoutMilliseconds = 60_000;

export async function readNvmeSmart(argument: unknown): Promise<Uint8Array> {
  const { path, library } = argument as NvmeSmartQuestion;
  const calls = await loadDeviceCalls(library);
  return withDevice(path, "r", (descriptor) =>
    calls.withMemory(commandBytes + smartPageBytes, async ({ address, view }) => {
      view.setUint8(0, getLogPage);
      view.setUint32(4, everyNamespace, true);
      view.setBigUint64(24, address + BigInt(commandBytes), true);
      view.setUint32(36, smartPageBytes, true);
      // The number of 32-bit words less one stands over the page's number.
      view.setUint32(40, ((smartPageBytes / 4 - 1) << 16) | smartPage, true);
      view.setUint32(64, kernelTimeoutMilliseconds, true);
      const status = await calls.ioctl(descriptor, adminCommand, address);
      if (status !== 0)
        throw new Error(`the SMART log was refused with status 0x${status.toString(16)}`);
      return new Uint8Array(view.buffer.slice(commandBytes, commandBytes + smartPageBytes));
    }),
  );
}
