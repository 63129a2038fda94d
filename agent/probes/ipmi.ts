/**
 * One call of the `slow-kernel` probe: messages to the node's BMC through /dev/ipmi0, one after the other, with
 * IPMICTL_SEND_COMMAND and IPMICTL_RECEIVE_MSG_TRUNC and the structures of linux/ipmi.h on 64-bit machines.
 */
import {
  loadDeviceCalls,
  withDevice,
  type DeviceCalls,
  type DeviceMemory,
} from "./device-calls.ts";

export interface IpmiRequest {
  readonly netfn: number;
  readonly command: number;
  readonly lun: number;
  readonly data: Uint8Array;
}

export interface IpmiQuestion {
  /** `/dev/ipmi0` */
  readonly path: string;
  readonly library: string | null;
  readonly requests: readonly IpmiRequest[];
}

const sendCommand = 0x8028_690d;
const receiveMessage = 0xc030_690b;
/** `struct ipmi_req` and `struct ipmi_recv` share the beginning of the memory; address and data follow. */
const addressAt = 48;
const addressBytes = 40;
const dataAt = 88;
const dataBytes = 272;
const systemInterface = 0x0c;
const bmcChannel = 0x0f;
const systemAddressBytes = 8;
const responseType = 1;
/** The kernel itself answers for a silent BMC with completion code C3, after 5 s or so. */
const answerMilliseconds = 7000;
/** Answers to others' questions, and events, that are passed over before it is given up. */
const maximumForeign = 16;

/** The responses, each beginning with its completion code. */
export async function exchangeIpmi(argument: unknown): Promise<Uint8Array[]> {
  const { path, library, requests } = argument as IpmiQuestion;
  const calls = await loadDeviceCalls(library);
  return withDevice(path, "r+", (descriptor) =>
    calls.withMemory(dataAt + dataBytes, async (memory) => {
      const responses: Uint8Array[] = [];
      for (const [number, request] of requests.entries()) {
        writeRequest(memory, request, number);
        await calls.ioctl(descriptor, sendCommand, memory.address);
        responses.push(await receive(calls, descriptor, memory, number));
      }
      return responses;
    }),
  );
}

function writeRequest({ address, view }: DeviceMemory, request: IpmiRequest, number: number): void {
  const { netfn, command, lun, data } = request;
  view.setBigUint64(0, address + BigInt(addressAt), true);
  view.setUint32(8, systemAddressBytes, true);
  view.setBigInt64(16, BigInt(number), true);
  view.setUint8(24, netfn);
  view.setUint8(25, command);
  view.setUint16(26, data.length, true);
  view.setBigUint64(32, address + BigInt(dataAt), true);
  view.setInt32(addressAt, systemInterface, true);
  view.setInt16(addressAt + 4, bmcChannel, true);
  view.setUint8(addressAt + 6, lun);
  new Uint8Array(view.buffer).set(data, dataAt);
}

async function receive(
  calls: DeviceCalls,
  descriptor: number,
  { address, view }: DeviceMemory,
  number: number,
): Promise<Uint8Array> {
  for (let foreign = 0; foreign < maximumForeign; foreign += 1) {
    if (!(await calls.readable(descriptor, answerMilliseconds)))
      throw new Error(`the BMC gave no answer within ${answerMilliseconds} ms`);
    view.setBigUint64(8, address + BigInt(addressAt), true);
    view.setUint32(16, addressBytes, true);
    view.setUint16(34, dataBytes, true);
    view.setBigUint64(40, address + BigInt(dataAt), true);
    await calls.ioctl(descriptor, receiveMessage, address);
    const isOurs =
      view.getInt32(0, true) === responseType && view.getBigInt64(24, true) === BigInt(number);
    const length = Math.min(view.getUint16(34, true), dataBytes);
    if (isOurs) return new Uint8Array(view.buffer.slice(dataAt, dataAt + length));
  }
  throw new Error("the BMC answers other questions than those it is asked");
}
