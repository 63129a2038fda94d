/** Routes as rtnetlink(7) has them in bytes: linux/netlink.h and linux/rtnetlink.h, in the machine's order of bytes (little-endian). */
import { SocketAddress } from "node:net";

/** A way that a route takes; a route over several is as many. */
export interface Route {
  readonly interfaceIndex: number;
  /** Empty where the route gives none, as the gateway. */
  readonly source: string;
  /** `10.0.0.0/8`, or `default`. */
  readonly destination: string;
  readonly gateway: string;
  readonly priority: number;
  /** The number of who made it. */
  readonly protocol: number;
  /** Null for a route that isn't one of several. */
  readonly weight: number | null;
}

const headerBytes = 16;
const routeBytes = 12;
const hopBytes = 8;
const messageType = { error: 2, done: 3, newRoute: 24, getRoute: 26 };
/** NLM_F_REQUEST | NLM_F_DUMP. */
const dumpFlags = 0x301;
const attribute = {
  destination: 1,
  interface: 4,
  gateway: 5,
  priority: 6,
  source: 7,
  multipath: 9,
};
const unicast = 1;

/** Asks for every route of both families. */
export function routeRequest(): Buffer {
  const request = Buffer.alloc(headerBytes + routeBytes);
  request.writeUInt32LE(request.length, 0);
  request.writeUInt16LE(messageType.getRoute, 4);
  request.writeUInt16LE(dumpFlags, 6);
  request.writeUInt32LE(1, 8);
  return request;
}

/** Hands on the ways in a reply; true when it was the last. Throws what the kernel refused, and for bytes that are no reply. */
export function readReply(reply: Buffer, found: (route: Route) => void): boolean {
  for (let at = 0; at + headerBytes <= reply.length;) {
    const length = reply.readUInt32LE(at);
    if (length < headerBytes || at + length > reply.length)
      throw new Error("the kernel's list of routes is cut off");
    const type = reply.readUInt16LE(at + 4);
    if (type === messageType.done) return true;
    if (type === messageType.error)
      throw new Error(
        `the kernel doesn't list its routes: error ${-reply.readInt32LE(at + headerBytes)}`,
      );
    if (type === messageType.newRoute && length >= headerBytes + routeBytes)
      readRoute(reply.subarray(at + headerBytes, at + length), found);
    at += align(length);
  }
  return false;
}

function readRoute(message: Buffer, found: (route: Route) => void): void {
  if (message.readUInt8(7) !== unicast) return;
  const attributes = attributesIn(message.subarray(routeBytes));
  const bits = message.readUInt8(1);
  const destination = attributes.get(attribute.destination);
  const common = {
    source: addressOf(attributes.get(attribute.source)),
    destination: bits === 0 ? "default" : `${addressOf(destination)}/${bits}`,
    priority: numberOf(attributes.get(attribute.priority)),
    protocol: message.readUInt8(5),
  };
  const several = attributes.get(attribute.multipath);
  if (several) {
    for (const { interfaceIndex, gateway, weight } of hopsIn(several))
      found({ ...common, interfaceIndex, gateway, weight });
    return;
  }
  found({
    ...common,
    interfaceIndex: numberOf(attributes.get(attribute.interface)),
    gateway: addressOf(attributes.get(attribute.gateway)),
    weight: null,
  });
}

function attributesIn(bytes: Buffer): Map<number, Buffer> {
  const attributes = new Map<number, Buffer>();
  for (let at = 0; at + 4 <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < 4 || at + length > bytes.length) break;
    attributes.set(bytes.readUInt16LE(at + 2), bytes.subarray(at + 4, at + length));
    at += align(length);
  }
  return attributes;
}

/** `struct rtnexthop`: length, flags, weight less one, interface; then its own attributes. */
function hopsIn(bytes: Buffer): Pick<Route, "interfaceIndex" | "gateway" | "weight">[] {
  const hops: Pick<Route, "interfaceIndex" | "gateway" | "weight">[] = [];
  for (let at = 0; at + hopBytes <= bytes.length;) {
    const length = bytes.readUInt16LE(at);
    if (length < hopBytes || at + length > bytes.length) break;
    const attributes = attributesIn(bytes.subarray(at + hopBytes, at + length));
    hops.push({
      interfaceIndex: bytes.readInt32LE(at + 4),
      gateway: addressOf(attributes.get(attribute.gateway)),
      weight: bytes.readUInt8(at + 3) + 1,
    });
    at += align(length);
  }
  return hops;
}

function addressOf(bytes: Buffer | undefined): string {
  if (bytes?.length === 4) return bytes.join(".");
  if (bytes?.length !== 16) return "";
  const groups = Array.from({ length: 8 }, (_, index) =>
    bytes.readUInt16BE(index * 2).toString(16),
  );
  return new SocketAddress({ family: "ipv6", address: groups.join(":") }).address;
}

function numberOf(bytes: Buffer | undefined): number {
  return bytes?.length === 4 ? bytes.readUInt32LE(0) : 0;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
