import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { createKubernetesDiscovery } from "../../../../collector/ingest/scrape/kubernetes.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";

interface Asked {
  readonly url: string;
  readonly authorization: string | undefined;
}

/** An API server that answers with what it was last given. */
async function startApi(first: { status: number; body: unknown }) {
  const asked: Asked[] = [];
  let answer = first;
  const server: Server = createServer((request, response) => {
    asked.push({ url: request.url ?? "", authorization: request.headers.authorization });
    response.writeHead(answer.status).end(JSON.stringify(answer.body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    asked,
    api: `http://127.0.0.1:${port}`,
    set: (next: typeof first): void => {
      answer = next;
    },
  };
}

function makeAccount(): string {
  const folder = join(makeFolder(), "account");
  mkdirSync(folder);
  writeFileSync(join(folder, "token"), "account-token\n");
  writeFileSync(join(folder, "namespace"), "watch\n");
  return folder;
}

const slice = (...endpoints: object[]) => ({ items: [{ ports: [{ port: 9410 }], endpoints }] });

async function start(first: { status: number; body: unknown }) {
  const api = await startApi(first);
  const clock = createFakeClock();
  const errors: string[] = [];
  const discovery = createKubernetesDiscovery(
    { service: "agents", namespace: "", api: api.api, accountFolder: makeAccount() },
    clock,
    (sentence) => errors.push(sentence),
  );
  onTestFinished(() => discovery.stop());
  const answered = async (count: number): Promise<void> => {
    await expect.poll(() => api.asked.length).toBe(count);
    await new Promise((resolve) => setTimeout(resolve, 20));
  };
  return { ...api, clock, errors, discovery, answered };
}

it("makes a target of every pod of the service, ready or not, under its node's name", async () => {
  const { discovery, asked, answered } = await start({
    status: 200,
    body: slice(
      { addresses: ["10.0.0.2"], nodeName: "node-b", conditions: { ready: false } },
      { addresses: ["fd00::1"], nodeName: "node-a", conditions: { ready: true } },
      { addresses: ["10.0.0.1"], conditions: {} },
    ),
  });
  await answered(1);
  expect(asked[0]).toEqual({
    url: "/apis/discovery.k8s.io/v1/namespaces/watch/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dagents",
    authorization: "Bearer account-token",
  });
  expect(discovery.read()).toEqual([
    { targets: ["10.0.0.1:9410"], labels: {} },
    { targets: ["10.0.0.2:9410"], labels: { node: "node-b" } },
    { targets: ["[fd00::1]:9410"], labels: { node: "node-a" } },
  ]);
  expect(discovery.read()).toBeNull();
});

it("follows pods that come and go, and is silent while nothing changes", async () => {
  const { discovery, clock, set, answered } = await start({
    status: 200,
    body: slice({ addresses: ["10.0.0.1"], nodeName: "node-a" }),
  });
  await answered(1);
  expect(discovery.read()).toHaveLength(1);
  await clock.advance(15_000);
  await answered(2);
  expect(discovery.read()).toBeNull();
  set({ status: 200, body: { items: [{ ports: null, endpoints: null }] } });
  await clock.advance(15_000);
  await answered(3);
  expect(discovery.read()).toEqual([]);
});

it("keeps the targets it knows while the API refuses, and says so once", async () => {
  const { discovery, clock, set, errors, answered } = await start({
    status: 200,
    body: slice({ addresses: ["10.0.0.1"], nodeName: "node-a" }),
  });
  await answered(1);
  expect(discovery.read()).toHaveLength(1);
  set({ status: 403, body: {} });
  await clock.advance(15_000);
  await answered(2);
  await clock.advance(15_000);
  await answered(3);
  expect(discovery.read()).toBeNull();
  expect(errors).toHaveLength(1);
  expect(discovery.errors()[0]).toMatch(/endpoints of agents are unknown: .*status 403/);
});
