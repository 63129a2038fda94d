import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { findSystemBus, hasOwner, openBus, readProperty } from "../../../agent/dbus/bus.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { hasBus, startBus, startService, withProperties } from "../../kit/bus.ts";
import { makeFolder } from "../../kit/folder.ts";

/** A socket that treats whoever connects as it likes. */
async function listen(onConnection: (socket: Socket) => void): Promise<string> {
  const path = join(makeFolder(), "socket");
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => undefined);
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return path;
}

describe.skipIf(!hasBus)("on a real dbus-daemon", () => {
  test("calls are answered, many at a time, and errors are told by name", async () => {
    const testBus = await startBus();
    const thing = { destination: "org.example", path: "/thing" };
    const value = { signature: "t", value: 42 };
    await startService(testBus, "org.example", withProperties({ "/thing": { Size: value } }));
    const bus = await openBus(testBus.socketPath);
    onTestFinished(() => bus.close());
    expect(await hasOwner(bus, "org.example")).toBe(true);
    expect(await hasOwner(bus, "org.nobody")).toBe(false);
    const sizes = await Promise.all(
      Array.from({ length: 100 }, () => readProperty(bus, thing, "org.example.Thing", "Size")),
    );
    expect(sizes).toEqual(Array.from({ length: 100 }, () => 42));
    await expect(readProperty(bus, thing, "org.example.Thing", "Weight")).rejects.toThrow(
      "org.freedesktop.DBus.Error.UnknownProperty: there is none",
    );
    const nobody = { destination: "org.nobody", path: "/" };
    await expect(readProperty(bus, nobody, "x.y", "Z")).rejects.toThrow(/ServiceUnknown/);
  });

  test("an answer of megabytes comes whole", async () => {
    const testBus = await startBus();
    const texts = Array.from({ length: 5000 }, (_, index) => `${index} ${"x".repeat(150)}`);
    await startService(testBus, "org.example", () => ({ signature: "as", body: [texts] }));
    const bus = await openBus(testBus.socketPath);
    onTestFinished(() => bus.close());
    const call = { destination: "org.example", path: "/", interface: "x.y", member: "List" };
    expect(await bus.call(call)).toEqual([texts]);
  });

  test("a service that never answers is given up on, and the bus goes on", async () => {
    const testBus = await startBus();
    await startService(testBus, "org.example", () => "silence");
    const bus = await openBus(testBus.socketPath);
    onTestFinished(() => bus.close());
    const call = { destination: "org.example", path: "/", interface: "x.y", member: "Wait" };
    await expect(bus.call(call)).rejects.toThrow("x.y.Wait: no answer within 2000 ms");
    await expect(bus.call(call, AbortSignal.timeout(20))).rejects.toThrow("x.y.Wait: given up");
    expect(await hasOwner(bus, "org.example")).toBe(true);
  });

  test("calls that wait fail when the bus goes", async () => {
    const testBus = await startBus();
    await startService(testBus, "org.example", () => "silence").catch(() => undefined);
    const bus = await openBus(testBus.socketPath);
    const waiting = bus.call({
      destination: "org.example",
      path: "/",
      interface: "x.y",
      member: "W",
    });
    await Promise.all([expect(waiting).rejects.toThrow("the bus hung up"), testBus.stop()]);
    await expect(hasOwner(bus, "org.example")).rejects.toThrow("the bus hung up");
  });
});

describe("on a bus that misbehaves", () => {
  test("one that never says a word is given up on", async () => {
    const path = await listen(() => undefined);
    await expect(openBus(path, AbortSignal.timeout(50))).rejects.toThrow(`${path}: given up`);
    await expect(openBus(path)).rejects.toThrow("the bus doesn't answer within 2000 ms");
  });

  test("one that refuses, floods or speaks something else is told as such", async () => {
    const refuses = await listen((socket) => void socket.write("REJECTED EXTERNAL\r\n"));
    await expect(openBus(refuses)).rejects.toThrow("the bus doesn't let this user in");
    const floods = await listen((socket) => void socket.write("x".repeat(5000)));
    await expect(openBus(floods)).rejects.toThrow("the bus doesn't let this user in");
    const lies = await listen(
      (socket) => void socket.write("OK 1234\r\nHTTP/1.1 400 Bad Request\r\n"),
    );
    await expect(openBus(lies)).rejects.toThrow("it begins with another protocol");
    const hangsUp = await listen((socket) => socket.end());
    await expect(openBus(hangsUp)).rejects.toThrow("the bus hung up");
  });
});

test("the bus is where the variable says, or under the host's root", () => {
  const rootfs = makeFolder();
  const find = (address: string) =>
    findSystemBus(
      createEnv({
        variables: { DBUS_SYSTEM_BUS_ADDRESS: address },
        paths: { procfs: "", sysfs: "", rootfs },
      }),
    );
  expect(find("")).toBe(null);
  expect(find("tcp:host=a;unix:guid=1,path=/run/a%20b")).toBe("/run/a b");
  expect(find("unix:abstract=/tmp/x,guid=2")).toBe("\0/tmp/x");
});
