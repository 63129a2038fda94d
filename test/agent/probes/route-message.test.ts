import { expect, test } from "vitest";
import { readReply, routeRequest, type Route } from "../../../agent/probes/route-message.ts";

const number = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

function attribute(type: number, data: Buffer): Buffer {
  const bytes = Buffer.alloc((4 + data.length + 3) & ~3);
  bytes.writeUInt16LE(4 + data.length, 0);
  bytes.writeUInt16LE(type, 2);
  data.copy(bytes, 4);
  return bytes;
}

function message(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(16 + body.length, 0);
  header.writeUInt16LE(type, 4);
  return Buffer.concat([header, body]);
}

/** Family, length of the destination, source and service, table, protocol, scope, type, flags. */
function route(bits: number, protocol: number, kind: number, ...attributes: Buffer[]): Buffer {
  const fixed = Buffer.from([2, bits, 0, 0, 254, protocol, 0, kind, 0, 0, 0, 0]);
  return message(24, Buffer.concat([fixed, ...attributes]));
}

const done = message(3, number(0));

function read(reply: Buffer): { isLast: boolean; routes: Route[] } {
  const routes: Route[] = [];
  return { isLast: readReply(reply, (one) => routes.push(one)), routes };
}

test("asks for all routes in one message of the kernel's form", () => {
  const request = routeRequest();
  expect(request.readUInt32LE(0)).toBe(request.length);
  expect(request.readUInt16LE(4)).toBe(26);
  expect(request.readUInt16LE(6)).toBe(0x301);
});

test("reads destination, gateway, priority and source, of both families, and passes over what isn't unicast", () => {
  const six = Buffer.from("fd000000000000000000000000000001", "hex");
  const reply = Buffer.concat([
    route(0, 3, 1, attribute(4, number(2)), attribute(5, Buffer.from([192, 0, 2, 1]))),
    route(
      24,
      2,
      1,
      attribute(1, Buffer.from([10, 1, 2, 0])),
      attribute(4, number(3)),
      attribute(6, number(100)),
      attribute(7, Buffer.from([10, 1, 2, 9])),
    ),
    route(32, 2, 2, attribute(1, Buffer.from([127, 0, 0, 1]))),
    route(64, 186, 1, attribute(1, six), attribute(4, number(2))),
    done,
  ]);
  const { isLast, routes } = read(reply);
  expect(isLast).toBe(true);
  expect(routes).toEqual([
    {
      interfaceIndex: 2,
      source: "",
      destination: "default",
      gateway: "192.0.2.1",
      priority: 0,
      protocol: 3,
      weight: null,
    },
    {
      interfaceIndex: 3,
      source: "10.1.2.9",
      destination: "10.1.2.0/24",
      gateway: "",
      priority: 100,
      protocol: 2,
      weight: null,
    },
    {
      interfaceIndex: 2,
      source: "",
      destination: "fd00::1/64",
      gateway: "",
      priority: 0,
      protocol: 186,
      weight: null,
    },
  ]);
});

test("gives a route over several interfaces as many ways, each with its weight", () => {
  const hop = (index: number, hops: number, gateway: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    const own = attribute(5, gateway);
    head.writeUInt16LE(8 + own.length, 0);
    head.writeUInt8(hops, 3);
    head.writeInt32LE(index, 4);
    return Buffer.concat([head, own]);
  };
  const hops = Buffer.concat([
    hop(4, 0, Buffer.from([10, 0, 0, 1])),
    hop(5, 9, Buffer.from([10, 0, 1, 1])),
  ]);
  const { isLast, routes } = read(route(0, 4, 1, attribute(9, hops)));
  expect(isLast).toBe(false);
  expect(
    routes.map(({ interfaceIndex, gateway, weight }) => [interfaceIndex, gateway, weight]),
  ).toEqual([
    [4, "10.0.0.1", 1],
    [5, "10.0.1.1", 10],
  ]);
});

test("says what the kernel refused, and ends at bytes that are cut off", () => {
  const refused = Buffer.alloc(20);
  refused.writeInt32LE(-1, 0);
  expect(() => read(message(2, refused))).toThrow("the kernel doesn't list its routes: error 1");
  expect(() => read(route(0, 3, 1, attribute(4, number(2))).subarray(0, 30))).toThrow("cut off");
  const odd = route(0, 3, 1, Buffer.from([3, 0, 4, 0, 1, 2, 3, 4]));
  expect(read(Buffer.concat([odd, done])).routes).toHaveLength(1);
});
