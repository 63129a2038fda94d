import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished, vi } from "vitest";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { watchKubernetes, type Watched } from "../../../core/kit/kubernetes-watch.ts";
import { makeAuthority, readCertificate } from "../../kit/certificates.ts";
import { makeFolder } from "../../kit/folder.ts";
import { startStandInApi, type StandInApi } from "../../standins/kubernetes-api.ts";

function watch(api: StandInApi, overrides: { maximumItems?: number } = {}) {
  const errors: string[] = [];
  const watched: Watched<string> = watchKubernetes({
    access: api.access,
    path: () => "/api/v1/pods",
    labelSelector: "app=a",
    fieldSelector: "",
    keep: ({ metadata }) => (metadata.name === "ignored" ? null : metadata.name),
    maximumItems: 10,
    clock: createSystemClock(),
    jitter: "0",
    onError: (sentence) => errors.push(sentence),
    ...overrides,
  });
  onTestFinished(() => watched.stop());
  const settled = (...names: string[]) =>
    vi.waitFor(() => expect([...watched.items.values()].toSorted()).toEqual(names), 5000);
  const watching = () => vi.waitFor(() => expect(api.watches()).toBe(1), 5000);
  return { watched, errors, settled, watching };
}

const pod = (name: string, extra: object = {}) => ({
  metadata: { name, namespace: "n", labels: { app: "a" } },
  ...extra,
});

it("lists what is there, page by page, and follows what comes, changes and goes", async () => {
  const api = await startStandInApi();
  api.pageItems = 2;
  for (const name of ["a", "b", "c", "ignored"]) api.put("pods", pod(name));
  api.put("pods", { metadata: { name: "other", namespace: "n", labels: { app: "b" } } });
  const { watched, settled, watching } = watch(api);
  await settled("a", "b", "c");
  await watching();
  const [list, next, stream] = api.asked;
  expect(list).toEqual({
    path: "/api/v1/pods",
    query: { labelSelector: "app=a", limit: "500" },
    authorization: "Bearer account-token",
  });
  expect(next?.query["continue"]).toBe("2");
  expect(stream?.query).toMatchObject({ watch: "1", allowWatchBookmarks: "true" });
  api.put("pods", pod("d"));
  api.remove("pods", "a", "n");
  await settled("b", "c", "d");
  const { version } = watched;
  api.put("pods", pod("d", { status: "of no interest" }));
  api.put("pods", pod("e"));
  await settled("b", "c", "d", "e");
  expect(watched.version).toBe(version + 1);
});

it("goes on from the newest version it heard of, a bookmark's too, when the server ends the watch", async () => {
  const api = await startStandInApi();
  api.put("pods", pod("a"));
  const { settled, watching } = watch(api);
  await watching();
  api.bookmark();
  await new Promise((resolve) => setTimeout(resolve, 50));
  api.cut();
  await vi.waitFor(() => expect(api.asked).toHaveLength(3), 5000);
  expect(api.asked[2]?.query["resourceVersion"]).toBe("102");
  await watching();
  api.put("pods", pod("b"));
  await settled("a", "b");
});

it("lists anew when the server has forgotten the version, and notices what went meanwhile", async () => {
  const api = await startStandInApi();
  api.put("pods", pod("a"));
  api.put("pods", pod("b"));
  const { settled, watching, errors } = watch(api);
  await settled("a", "b");
  await watching();
  api.cut();
  api.remove("pods", "a", "n");
  api.forget();
  await settled("b");
  expect(errors).toEqual([]);
});

it("keeps what it knows while the server refuses, says so once, and comes back by itself", async () => {
  const api = await startStandInApi();
  api.put("pods", pod("a"));
  const { watched, settled, watching, errors } = watch(api);
  await watching();
  api.fail(403);
  await vi.waitFor(() => expect(api.asked.length).toBeGreaterThan(4), 5000);
  expect([...watched.items.values()]).toEqual(["a"]);
  expect(errors).toHaveLength(1);
  expect(watched.error).toMatch(/may not list and watch \/api\/v1\/pods \(status 403\)/);
  api.fail(null);
  api.put("pods", pod("b"));
  await settled("a", "b");
  expect(watched.error).toBeNull();
});

it("takes no more objects than it may", async () => {
  const api = await startStandInApi();
  for (const name of ["a", "b", "c"]) api.put("pods", pod(name));
  const { watched, errors } = watch(api, { maximumItems: 2 });
  await vi.waitFor(() => expect(errors).toHaveLength(1), 5000);
  expect(errors[0]).toMatch(/\/api\/v1\/pods has more than 2 objects/);
  expect(watched).toMatchObject({ listed: false });
});

it("asks over TLS, trusts the account's authority only and reads its token anew", async () => {
  const authority = makeAuthority(makeFolder());
  const certificate = readCertificate(authority.issue("127.0.0.1"));
  const api = await startStandInApi({
    tls: { ...certificate, ca: readFileSync(authority.certificateFile) },
  });
  api.put("pods", pod("a"));
  const { settled, watching, watched } = watch(api);
  await settled("a");
  await watching();
  const other = makeAuthority(makeFolder(), "other");
  writeFileSync(join(api.access.accountFolder, "token"), "second");
  writeFileSync(join(api.access.accountFolder, "ca.crt"), readFileSync(other.certificateFile));
  api.cut();
  await vi.waitFor(() => expect(watched.error).toMatch(/can't be asked: .*certificate/), 5000);
  writeFileSync(join(api.access.accountFolder, "ca.crt"), readFileSync(authority.certificateFile));
  await watching();
  expect(api.asked.at(-1)?.authorization).toBe("Bearer second");
});
