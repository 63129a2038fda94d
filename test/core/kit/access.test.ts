/** The route table refuses what nobody allowed, however it is spelled. */
import { describe, expect, test } from "vitest";
import {
  createAccess,
  isLoopback,
  type AccessOptions,
  type AccessRequest,
  type RouteRule,
} from "../../../core/kit/access.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";

const routes: readonly RouteRule[] = [
  { method: "GET", path: "/metrics", role: "viewer", openOnLoopback: true },
  { method: "GET", path: "/", role: "viewer", openOnLoopback: true },
  { method: "GET", path: "/api/*", role: "viewer" },
  { method: "POST", path: "/api/silences", role: "operator" },
  { method: "GET", path: "/api/admin/*", role: "admin" },
];
const tokens = { viewer: "viewer-token", operator: "operator-token", admin: "admin-token" };

function ask(request: Partial<AccessRequest>, options: Partial<AccessOptions> = {}): number {
  const decide = createAccess({ routes, tokens, ...options });
  return statusOf(decide, request);
}

function statusOf(
  decide: ReturnType<typeof createAccess>,
  request: Partial<AccessRequest>,
): number {
  const decision = decide({
    method: "GET",
    url: "/metrics",
    host: "127.0.0.1:9410",
    origin: undefined,
    authorization: undefined,
    remoteAddress: "127.0.0.1",
    ...request,
  });
  return decision.allowed ? 200 : decision.status;
}

const remote = "10.0.0.9";
const bearer = (token: string): string => `Bearer ${token}`;

describe("host", () => {
  test.each([
    ["127.0.0.1:9410", 200],
    ["localhost", 200],
    ["LOCALHOST:1", 200],
    ["[::1]:9410", 200],
    [undefined, 400],
    ["", 400],
    ["evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["localhost.", 403],
    ["localhost:9410:80", 400],
    ["user@localhost", 400],
    ["localhost/evil", 400],
    ["localhost, evil.example", 400],
    ["local\u0000host", 400],
    ["[::1", 400],
    ["127.0.0.1:999999", 400],
  ])("%j gives %i", (host, status) => expect(ask({ host })).toBe(status));

  test("a name that was configured is answered, in any case", () => {
    expect(ask({ host: "GPU-7.example:9410" }, { hosts: ["gpu-7.example"] })).toBe(200);
  });

  test("the address the connection came in on is a good name, another address isn't", () => {
    const local = { localAddress: "10.1.2.3" };
    expect(ask({ host: "10.1.2.3:9410", ...local })).toBe(200);
    expect(ask({ host: "10.1.2.3", localAddress: "::ffff:10.1.2.3" })).toBe(200);
    expect(ask({ host: "[fd00::7]:9410", localAddress: "fd00::7" })).toBe(200);
    expect(ask({ host: "10.1.2.4:9410", ...local })).toBe(403);
  });

  test("a name that was rebound to loopback is refused even from loopback", () => {
    expect(ask({ host: "rebind.evil.example:9410", localAddress: "127.0.0.1" })).toBe(403);
  });
});

test("a server that is open to everybody is called by any name from anywhere, and still by no other site's page", () => {
  const open = { openEverywhere: true };
  const far = { host: "gpu-7.example.com:9100", remoteAddress: "10.1.2.3", url: "/metrics" };
  expect(ask(far)).toBe(403);
  expect(ask(far, open)).toBe(200);
  expect(ask({ ...far, origin: "http://evil.example" }, open)).toBe(403);
  expect(ask({ ...far, url: "/api/alerts" }, open)).toBe(401);
});

describe("origin", () => {
  test.each([
    ["http://127.0.0.1:9410", 200],
    ["https://127.0.0.1:9410", 200],
    ["http://127.0.0.1", 403],
    ["http://127.0.0.1:9411", 403],
    ["null", 403],
    ["", 403],
    ["http://evil.example", 403],
    ["http://127.0.0.1:9410.evil.example", 403],
    ["http://127.0.0.1:9410/", 403],
  ])("%j gives %i", (origin, status) => expect(ask({ origin })).toBe(status));
});

describe("path", () => {
  test.each([
    ["/metrics", 200],
    ["/metrics?collect[]=cpu", 200],
    ["/metrics/", 404],
    ["/Metrics", 404],
    ["//metrics", 400],
    ["/%6detrics", 404],
    ["/metrics%00", 400],
    ["/metrics%2f..%2f", 400],
    ["/./metrics", 400],
    ["/x/../metrics", 400],
    ["/x/%2e%2e/metrics", 400],
    ["/metrics%252f", 400],
    ["/metrics\\", 400],
    ["/metrics#x", 400],
    ["/%zz", 400],
    ["http://127.0.0.1/metrics", 400],
    ["*", 400],
    ["", 400],
    ["/nothing", 404],
  ])("%j gives %i", (url, status) => expect(ask({ url })).toBe(status));

  test("a longer rule beats a shorter prefix, wherever it stands in the table", () => {
    const url = "/api/admin/users";
    expect(ask({ url, authorization: bearer(tokens.operator) })).toBe(403);
    expect(ask({ url, authorization: bearer(tokens.admin) })).toBe(200);
    const turned = routes.toReversed();
    expect(ask({ url, authorization: bearer(tokens.viewer) }, { routes: turned })).toBe(403);
  });

  test("a way around a rule through dots is refused", () => {
    const authorization = bearer(tokens.viewer);
    expect(ask({ url: "/api/x/../admin/users", authorization })).toBe(400);
    expect(ask({ url: "/api/%2e%2e/api/admin/users", authorization })).toBe(400);
    expect(ask({ url: "/api//admin/users", authorization })).toBe(400);
  });

  test("a prefix doesn't reach beyond its slash", () => {
    expect(ask({ url: "/apiary", authorization: bearer(tokens.admin) })).toBe(404);
  });
});

describe("method", () => {
  test.each([
    ["GET", 200],
    ["HEAD", 200],
    ["POST", 405],
    ["DELETE", 405],
    ["OPTIONS", 405],
    ["TRACE", 405],
    ["get", 405],
    ["", 405],
  ])("%j on a page gives %i", (method, status) => expect(ask({ method })).toBe(status));
});

describe("tokens", () => {
  test("a page that is open on loopback needs a token from elsewhere", () => {
    expect(ask({ remoteAddress: remote })).toBe(401);
    expect(ask({ remoteAddress: undefined })).toBe(401);
    expect(ask({ remoteAddress: remote, authorization: bearer(tokens.viewer) })).toBe(200);
  });

  test("a page that isn't open needs one on loopback too", () => {
    expect(ask({ url: "/api/alerts" })).toBe(401);
    expect(ask({ url: "/api/alerts", authorization: bearer(tokens.viewer) })).toBe(200);
  });

  test("each role may do what the ones before it may, and no more", () => {
    const post = { method: "POST", url: "/api/silences" };
    expect(ask({ ...post, authorization: bearer(tokens.viewer) })).toBe(403);
    expect(ask({ ...post, authorization: bearer(tokens.operator) })).toBe(200);
    expect(ask({ ...post, authorization: bearer(tokens.admin) })).toBe(200);
  });

  test.each([
    ["viewer-token", 401],
    ["Bearer", 401],
    ["Bearer ", 401],
    ["Bearer viewer-toke", 401],
    ["Bearer viewer-token2", 401],
    ["Bearer VIEWER-TOKEN", 401],
    ["Basic dmlld2VyLXRva2Vu", 401],
    ["Basic YW55OnZpZXdlci10b2tlbg==", 401],
    [`Bearer ${"a".repeat(600)}`, 401],
    ["bearer viewer-token", 200],
  ])("%j gives %i", (authorization, status) =>
    expect(ask({ remoteAddress: remote, authorization })).toBe(status),
  );

  test("who brings measurements may give the token as a password too, with any name", () => {
    const routes: RouteRule[] = [{ method: "POST", path: "/write", role: "push" }];
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString("base64")}`;
    const write = (authorization: string): number =>
      ask(
        { method: "POST", url: "/write", authorization },
        { routes, tokens: { push: "a-token" } },
      );
    expect(write(basic("prometheus:a-token"))).toBe(200);
    expect(write(basic(":a-token"))).toBe(200);
    for (const wrong of ["prometheus:other", "a-token", "prometheus:", ""])
      expect(write(basic(wrong))).toBe(401);
  });

  test("with no token set nobody gets in with one, an empty one included", () => {
    for (const none of [{}, { admin: "" }])
      for (const authorization of ["Bearer ", "Bearer =", "Bearer undefined"])
        expect(ask({ remoteAddress: remote, authorization }, { tokens: none })).toBe(401);
  });
});

describe("wrong tokens", () => {
  const wrong = { remoteAddress: remote, authorization: "Bearer wrong" };
  const right = { remoteAddress: remote, authorization: bearer(tokens.viewer) };

  test("ten within a minute close the door for that address alone, until the minute is over", async () => {
    const clock = createFakeClock();
    const decide = createAccess({ routes, tokens, clock });
    for (let attempt = 0; attempt < 10; attempt += 1) expect(statusOf(decide, wrong)).toBe(401);
    expect(statusOf(decide, wrong)).toBe(429);
    expect(statusOf(decide, right)).toBe(429);
    expect(statusOf(decide, { ...right, remoteAddress: "10.0.0.10" })).toBe(200);
    expect(statusOf(decide, {})).toBe(200);
    await clock.advance(60_000);
    expect(statusOf(decide, right)).toBe(200);
  });

  test("requests without a token and with the right one don't count", () => {
    const decide = createAccess({ routes, tokens, clock: createFakeClock() });
    for (let attempt = 0; attempt < 50; attempt += 1) {
      expect(statusOf(decide, { remoteAddress: remote })).toBe(401);
      expect(statusOf(decide, right)).toBe(200);
    }
  });

  test("one IPv6 network counts as one caller, and so do both spellings of an IPv4 address", () => {
    const decide = createAccess({ routes, tokens, clock: createFakeClock() });
    for (let attempt = 0; attempt < 10; attempt += 1) {
      statusOf(decide, { ...wrong, remoteAddress: `2001:db8:0:1::${attempt.toString(16)}` });
      statusOf(decide, { ...wrong, remoteAddress: "::ffff:10.0.0.9" });
    }
    expect(statusOf(decide, { ...right, remoteAddress: "2001:db8:0:1:ffff::9" })).toBe(429);
    expect(statusOf(decide, { ...right, remoteAddress: "2001:db8:0:2::9" })).toBe(200);
    expect(statusOf(decide, right)).toBe(429);
  });
});

test.each([
  ["127.0.0.1", true],
  ["127.9.9.9", true],
  ["::1", true],
  ["::ffff:127.0.0.1", true],
  ["128.0.0.1", false],
  ["10.127.0.0.1", false],
  ["::2", false],
  [undefined, false],
])("%j on loopback: %s", (address, expected) => expect(isLoopback(address)).toBe(expected));

test("where names are asked for, who signed in may read and nobody else may without a token, from wherever", () => {
  for (const options of [{}, { openEverywhere: true }])
    for (const remoteAddress of ["127.0.0.1", remote]) {
      expect(ask({ remoteAddress, signedIn: true }, options)).toBe(200);
      expect(ask({ remoteAddress, signedIn: false }, options)).toBe(401);
      const authorization = bearer("viewer-token");
      expect(ask({ remoteAddress, signedIn: false, authorization }, options)).toBe(200);
    }
  expect(ask({ method: "POST", url: "/api/silences", signedIn: true })).toBe(401);
});

describe("a connection", () => {
  const push: RouteRule = { method: "POST", path: "/write", role: "push" };
  const all = [...routes, push];
  const given = { ...tokens, push: "push-token" };
  const basic = `Basic ${Buffer.from("any:push-token").toString("base64")}`;
  const write = { method: "POST", url: "/write" };

  test("that a token was right on is let in by that token again, and by no other header", () => {
    const decide = createAccess({ routes, tokens });
    const connection = {};
    const read = (authorization?: string): number =>
      statusOf(decide, { url: "/api/alerts", authorization, connection });
    const headers = ["viewer-token", "viewer-token", "viewer-tokem", "viewer-token2", "viewer-tok"];
    expect(headers.map((token) => read(bearer(token)))).toEqual([200, 200, 401, 401, 401]);
    expect([read(), read(""), read(bearer("operator-token"))]).toEqual([401, 401, 200]);
    expect(read(bearer("viewer-token"))).toBe(200);
  });

  test("gives its token's role and no more, from route to route", () => {
    const decide = createAccess({ routes: all, tokens: given });
    const connection = {};
    const asks: [Partial<AccessRequest>, string][] = [
      [write, basic],
      [write, basic],
      [{ url: "/api/alerts" }, basic],
      [write, bearer("push-token")],
      [{ url: "/api/alerts" }, bearer("push-token")],
      [{ url: "/api/admin/users" }, bearer("viewer-token")],
      [{ url: "/api/admin/users" }, bearer("viewer-token")],
    ];
    const statuses = asks.map(([request, authorization]) =>
      statusOf(decide, { ...request, authorization, connection }),
    );
    expect(statuses).toEqual([200, 200, 401, 200, 403, 403, 403]);
  });

  test("is let in by nothing but the tokens that there are: after they were changed, not by what was right before", () => {
    const connection = {};
    const ask = { url: "/api/alerts", authorization: bearer("viewer-token"), connection };
    expect(statusOf(createAccess({ routes, tokens }), ask)).toBe(200);
    const changed = createAccess({ routes, tokens: { ...tokens, viewer: "new-viewer-token" } });
    expect(statusOf(changed, ask)).toBe(401);
  });

  test("whose address sent ten wrong tokens is refused with the right one too", () => {
    const decide = createAccess({ routes, tokens, clock: createFakeClock() });
    const connection = {};
    const read = (token: string): number =>
      statusOf(decide, { url: "/api/alerts", authorization: bearer(token), connection });
    expect(read("viewer-token")).toBe(200);
    for (let wrong = 0; wrong < 10; wrong += 1) read(`wrong-${wrong}`);
    expect(read("viewer-token")).toBe(429);
  });
});
