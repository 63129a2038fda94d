import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { expect, it, onTestFinished, vi } from "vitest";
import {
  createScrapeClient,
  createScrapeMemory,
  type ScrapeClient,
} from "../../../../collector/ingest/scrape/client.ts";
import { createSystemClock } from "../../../../core/kit/clock.ts";

const clock = createSystemClock();
const memory = createScrapeMemory();

interface Peer {
  readonly client: ScrapeClient;
  /** As they came in, oldest first. */
  readonly sockets: readonly Socket[];
  readonly requests: readonly string[];
}

/** A peer that is told which connection asked and how many requests came before on all. */
async function startPeer(
  onRequest: (socket: Socket, before: number) => void,
  path = "/metrics",
): Promise<Peer> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      requests.push(bytes.toString());
      onRequest(socket, requests.length - 1);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  const client = createScrapeClient(url, clock, memory);
  onTestFinished(() => {
    client.close();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { client, sockets, requests };
}

function answer(socket: Socket, body: string, rest = ""): void {
  socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}${rest}`);
}

const options = { timeoutMilliseconds: 5000, bodyLimitBytes: 1_000_000 };
const fetchText = ({ client }: Peer, headers?: Record<string, string>): Promise<string> =>
  client.fetch({ ...options, headers }, ({ body }) => body.toString());

it("asks as HTTP/1.1 has it, over one connection", async () => {
  const peer = await startPeer(
    (socket, before) => answer(socket, `a ${before}\n`),
    "/m?x=1&y=a%20b",
  );
  expect(await fetchText(peer, { authorization: "Bearer t" })).toBe("a 0\n");
  expect(await fetchText(peer)).toBe("a 1\n");
  expect(peer.sockets).toHaveLength(1);
  const [first, second] = peer.requests;
  expect(first).toMatch(/^GET \/m\?x=1&y=a%20b HTTP\/1\.1\r\nhost: 127\.0\.0\.1:\d+\r\n/);
  expect(first).toMatch(/\r\naccept-encoding: gzip\r\n[^]*\r\nauthorization: Bearer t\r\n\r\n$/);
  expect(second).not.toContain("authorization");
});

it("asks once more when the connection that it kept was gone", async () => {
  const peer = await startPeer((socket, before) => {
    // As a peer that closes idle connections when the next request is already on its way.
    if (before === 1) socket.resetAndDestroy();
    else answer(socket, `a ${before}\n`);
  });
  expect(await fetchText(peer)).toBe("a 0\n");
  expect(await fetchText(peer)).toBe("a 2\n");
  expect(peer.sockets).toHaveLength(2);
});

it("opens another when the peer closed the one it kept", async () => {
  const peer = await startPeer((socket, before) => answer(socket, `a ${before}\n`));
  await fetchText(peer);
  peer.sockets[0]?.end();
  await vi.waitFor(() => expect(peer.sockets[0]?.destroyed).toBe(true));
  expect(await fetchText(peer)).toBe("a 1\n");
  expect(peer.sockets).toHaveLength(2);
});

it("doesn't ask again what a new connection didn't answer, nor what was answered in part", async () => {
  const peer = await startPeer((socket, before) => {
    if (before === 0 || before === 3) socket.resetAndDestroy();
    else if (before === 1) answer(socket, "a 1\n");
    else socket.write("HTTP/1.1 200 OK\r\n", () => socket.resetAndDestroy());
  });
  await expect(fetchText(peer)).rejects.toThrow("the connection was cut");
  expect(await fetchText(peer)).toBe("a 1\n");
  await expect(fetchText(peer)).rejects.toThrow("the connection was cut");
  expect(peer.requests).toHaveLength(3);
});

it("doesn't take what nobody asked for as an answer", async () => {
  const late = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nx\n";
  const peer = await startPeer((socket, before) => {
    answer(socket, `a ${before}\n`);
    if (before === 0) setTimeout(() => socket.write(late), 20);
  });
  expect(await fetchText(peer)).toBe("a 0\n");
  await vi.waitFor(() => expect(peer.sockets[0]?.destroyed).toBe(true));
  expect(await fetchText(peer)).toBe("a 1\n");
});

it("what comes too late belongs to no later answer", async () => {
  const peer = await startPeer((socket, before) => {
    setTimeout(() => answer(socket, `a ${before}\n`), before === 0 ? 150 : 0);
  });
  const hurried = { ...options, timeoutMilliseconds: 50 };
  const first = peer.client.fetch(hurried, ({ body }) => body.toString());
  await expect(first).rejects.toThrow("no whole answer within 0.05 s");
  expect(await fetchText(peer)).toBe("a 1\n");
});

it("ends with what the reader throws, and goes on", async () => {
  const peer = await startPeer((socket) => answer(socket, "a 1\n"));
  const failing = peer.client.fetch(options, () => {
    throw new RangeError("not this page");
  });
  await expect(failing).rejects.toThrow("not this page");
  expect(await fetchText(peer)).toBe("a 1\n");
  expect(peer.sockets).toHaveLength(1);
});

it("reads pages of several connections that come in piece by piece at the same time", async () => {
  const pages = Array.from({ length: 5 }, (_, index) => `a ${index}\n`.repeat(30_000));
  const peers = await Promise.all(
    pages.map((page) =>
      startPeer((socket) => {
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${page.length}\r\n\r\n`);
        for (let at = 0; at < page.length; at += 40_000)
          setTimeout(() => socket.write(page.slice(at, at + 40_000)), at / 5000);
      }),
    ),
  );
  expect(await Promise.all(peers.map((peer) => fetchText(peer)))).toEqual(pages);
});

it("doesn't send a header that would be two", async () => {
  const peer = await startPeer((socket) => answer(socket, "a 1\n"));
  await expect(fetchText(peer, { authorization: "Bearer a\r\nx: y" })).rejects.toThrow(
    /^the header authorization has bytes that none may have/,
  );
  expect(peer.requests).toEqual([]);
});

it("fails what is under way when it is closed", async () => {
  const peer = await startPeer(() => {});
  const waiting = fetchText(peer);
  await vi.waitFor(() => expect(peer.requests).toHaveLength(1));
  peer.client.close();
  await expect(waiting).rejects.toThrow("the connection was cut");
  await vi.waitFor(() => expect(peer.sockets[0]?.destroyed).toBe(true));
});

it("finds a peer by name, whichever of the name's addresses it listens at", async () => {
  const peer = await startPeer((socket) => answer(socket, "a 1\n"));
  const port = Number(
    /host: [^:]+:(\d+)/.exec((await fetchText(peer), peer.requests[0] ?? ""))?.[1],
  );
  const named = createScrapeClient(new URL(`http://localhost:${port}/`), clock, memory);
  onTestFinished(() => named.close());
  expect(await named.fetch(options, ({ body }) => body.toString())).toBe("a 1\n");
});
