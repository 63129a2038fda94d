/** What the collector's server lets in, over real connections: before anything of a body is read, and request by request. */
import { once } from "node:events";
import { Agent, request, type ClientRequest, type IncomingMessage } from "node:http";
import { afterEach, expect, test } from "vitest";
import type { ApiAnswer, ApiRoute } from "../../../collector/api/routes.ts";
import { startApiServer, type ApiServer } from "../../../collector/api/server.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { createSelfMetrics, type SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { quietLog } from "../../kit/rule-bench.ts";

const limitBytes = 100_000;
const tokens = { token: "admin-token-of-the-test", pushToken: "push-token-of-the-test" };

interface Scene {
  readonly server: ApiServer;
  readonly metrics: SelfMetrics;
  /** What the route was asked, in order. */
  readonly seen: string[];
}

let server: ApiServer | null = null;
/** One connection, kept: what was let in on it before must not let in what comes after. */
let agent = new Agent({ keepAlive: true, maxSockets: 1 });
afterEach(async () => {
  agent.destroy();
  agent = new Agent({ keepAlive: true, maxSockets: 1 });
  await server?.close();
  server = null;
});

type Handle = (body: Buffer) => ApiAnswer | Promise<ApiAnswer>;

async function start(handle: Handle, refuse: () => ApiAnswer | null = () => null): Promise<Scene> {
  const clock = createSystemClock();
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const seen: string[] = [];
  const write: ApiRoute = {
    method: "POST",
    path: "/write",
    role: "push",
    rawBody: {
      limitBytes,
      refuse() {
        seen.push("asked");
        return refuse();
      },
      ended: () => seen.push("ended"),
    },
    handle({ body }) {
      seen.push("handled");
      return handle(Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    },
  };
  const read: ApiRoute = {
    method: "GET",
    path: "/read",
    role: "viewer",
    handle: ({ query }) => ({ status: 200, body: { name: query.get("name") } }),
  };
  const listen = { host: "127.0.0.1", port: 0 };
  const shared = { listen, hostNames: [], ...tokens, clock, log: quietLog, metrics };
  server = await startApiServer({ ...shared, routes: [write, read] });
  return { server, metrics, seen };
}

function ask(
  scene: Scene,
  headers: Readonly<Record<string, string>>,
  path = "/write",
): ClientRequest {
  const method = path === "/write" ? "POST" : "GET";
  return request(`${scene.server.address}${path}`, { method, agent, headers });
}

async function answerOf(asked: ClientRequest): Promise<{ status: number; text: string }> {
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode ?? 0, text };
}

async function post(
  scene: Scene,
  token: string | null,
  body: string | Buffer = "x",
): Promise<number> {
  const asked = ask(scene, token === null ? {} : { authorization: `Bearer ${token}` });
  asked.end(body);
  return (await answerOf(asked)).status;
}

async function until(check: () => boolean): Promise<void> {
  const deadline = performance.now() + 5000;
  while (!check() && performance.now() < deadline) await new Promise((done) => setTimeout(done, 5));
}

const noContent = (): ApiAnswer => ({ status: 204, body: "" });
const push = { authorization: `Bearer ${tokens.pushToken}` };

test("each request is judged by its own token, whatever was let in over its connection before", async () => {
  const scene = await start(noContent);
  const given = [tokens.pushToken, tokens.pushToken, "another-token-of-the-test", null];
  const statuses: number[] = [];
  for (const token of [...given, tokens.pushToken, tokens.token])
    statuses.push(await post(scene, token));
  expect(statuses).toEqual([204, 204, 401, 401, 204, 204]);
  const read = ask(scene, push, "/read").end();
  expect((await answerOf(read)).status).toBe(403);
  expect(read.reusedSocket).toBe(true);
});

test("a body comes as it was sent, in one part or in many", async () => {
  const bodies: string[] = [];
  const scene = await start((body) => {
    bodies.push(body.toString());
    return noContent();
  });
  const large = "0123456789".repeat(9000);
  expect(await post(scene, tokens.pushToken, large)).toBe(204);
  expect(await post(scene, tokens.pushToken, "")).toBe(204);
  const slow = ask(scene, push);
  slow.write("one, ");
  setTimeout(() => slow.end("two"), 50);
  expect((await answerOf(slow)).status).toBe(204);
  expect(bodies).toEqual([large, "", "one, two"]);
});

test("who may not write is told before the body is there, and the route isn't asked", async () => {
  const scene = await start(noContent);
  const asked = ask(scene, { authorization: "Bearer no-token", "content-length": "50000" });
  asked.on("error", () => {});
  asked.flushHeaders();
  expect((await answerOf(asked)).status).toBe(401);
  expect(scene.seen).toEqual([]);
  asked.destroy();
});

test("what a route refuses is answered unread, and ends the connection", async () => {
  const scene = await start(noContent, () => ({ status: 411, body: "say how long it is" }));
  const asked = ask(scene, { ...push, "content-length": "50000" });
  asked.on("error", () => {});
  asked.flushHeaders();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  expect([response.statusCode, response.headers.connection]).toEqual([411, "close"]);
  expect(scene.seen).toEqual(["asked"]);
  asked.destroy();
});

test.each([
  ["says that it is", { "content-length": String(limitBytes + 1) }],
  ["doesn't say how long it is", { "transfer-encoding": "chunked" }],
])("a body over the limit that %s is refused", async (_what, headers) => {
  const scene = await start(noContent);
  const asked = ask(scene, { ...push, ...headers });
  asked.on("error", () => {});
  const answered = answerOf(asked);
  asked.write(Buffer.alloc(limitBytes));
  if ("transfer-encoding" in headers) asked.write("x");
  expect((await answered).status).toBe(413);
  await until(() => scene.seen.includes("ended"));
  expect(scene.seen).toEqual(["asked", "ended"]);
  asked.destroy();
});

test("who hangs up within a body is let go of: the route hears that it ended, and is given nothing", async () => {
  const scene = await start(noContent);
  const asked = ask(scene, { ...push, "content-length": "50000" });
  asked.on("error", () => {});
  asked.write("a beginning");
  await until(() => scene.seen.includes("asked"));
  asked.destroy();
  await until(() => scene.seen.includes("ended"));
  expect(scene.seen).toEqual(["asked", "ended"]);
  expect(await post(scene, tokens.pushToken)).toBe(204);
});

test("who hangs up before the answer is there leaves the server as it was", async () => {
  const answer = Promise.withResolvers<ApiAnswer>();
  const scene = await start(() => answer.promise);
  const asked = ask(scene, push);
  asked.on("error", () => {});
  asked.end("x");
  await until(() => scene.seen.includes("handled"));
  asked.destroy();
  await until(() => scene.seen.includes("ended"));
  answer.resolve({ status: 200, body: "too late" });
  expect(await post(scene, tokens.pushToken)).toBe(200);
});

test("a route that fails is answered with 500, without what it said", async () => {
  const scene = await start(() => Promise.reject(new Error("a secret of the inside")));
  const { status, text } = await answerOf(ask(scene, push).end("x"));
  expect([status, JSON.parse(text)]).toEqual([
    500,
    { error: "this request could not be answered" },
  ]);
});

test("an answer that can't be sent ends its connection, and no more than that", async () => {
  const answers: ApiAnswer[] = [{ ...noContent(), headers: { bad: "a\nb" } }, noContent()];
  const scene = await start(() => answers.shift() ?? noContent());
  await expect(post(scene, tokens.pushToken)).rejects.toThrow("socket hang up");
  expect(await post(scene, tokens.pushToken)).toBe(204);
});

test("requests are counted by route, method and status, on raw routes as on others", async () => {
  const scene = await start(noContent);
  await post(scene, tokens.pushToken);
  await post(scene, tokens.pushToken);
  await post(scene, "another-token-of-the-test");
  const admin = { authorization: `Bearer ${tokens.token}` };
  const read = await answerOf(ask(scene, admin, "/read?name=a%20b").end());
  expect(JSON.parse(read.text)).toEqual({ name: "a b" });
  expect((await answerOf(ask(scene, admin, "/elsewhere").end())).status).toBe(404);
  const page = await scene.metrics.render("text");
  for (const line of [
    'requests_total{route="/write",method="POST",code="204"} 2',
    'requests_total{route="/write",method="POST",code="401"} 1',
    'requests_total{route="/read",method="GET",code="200"} 1',
    'requests_total{route="refused",method="GET",code="404"} 1',
    'request_duration_seconds_count{route="/write"} 3',
  ])
    expect(page).toContain(`warpwatch_http_${line}\n`);
});
