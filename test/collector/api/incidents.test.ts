import { expect, test } from "vitest";
import { createIncidentRoutes } from "../../../collector/api/incidents.ts";
import type { ApiAnswer } from "../../../collector/api/routes.ts";
import { gpuAlert, pager, startScene, type Scene } from "../../kit/incident-scene.ts";
import { keyOf } from "../../kit/planning.ts";

function answer(scene: Scene, path: string, body?: unknown): ApiAnswer | Promise<ApiAnswer> {
  const method = body === undefined ? "GET" : "POST";
  const route = createIncidentRoutes(scene.planner).find((one) => one.method === method);
  if (!route) throw new Error(`there is no route for ${method}`);
  const head = { path, remoteAddress: "127.0.0.1", query: new URLSearchParams(), headers: {} };
  return route.handle({ ...head, body });
}

test("lists incidents with their alerts, and where they were told", () => {
  const scene = startScene([pager]);
  scene.fire(gpuAlert(0), gpuAlert(1));
  expect(answer(scene, "/api/v1/incidents")).toMatchObject({
    status: 200,
    body: {
      incidents: [
        {
          key: keyOf(gpuAlert(0)),
          labels: { alertname: "GpuHot", node: "node-07", cluster: "" },
          memberCount: 2,
          members: [{ rule: "GpuHot" }, { rule: "GpuHot" }],
          acknowledged: null,
          notifiers: [{ name: "pager", state: "open", tier: 1 }],
        },
      ],
    },
  });
});

test.each([["key"], ["fingerprint"]])("acknowledges by the %s", async (by) => {
  const scene = startScene([pager]);
  scene.fire(gpuAlert(0));
  scene.told();
  const subject = by === "key" ? keyOf(gpuAlert(0)) : gpuAlert(0).fingerprint;
  const path = `/api/v1/incidents/${subject}/acknowledge`;
  const given = await answer(scene, path, { by: " ada ", comment: "on it" });
  expect(given).toMatchObject({
    status: 200,
    body: { incidents: [{ acknowledged: { by: "ada", comment: "on it" } }] },
  });
  expect(scene.told().map(({ action }) => action)).toEqual(["acknowledge"]);
});

test.each([
  ["/api/v1/incidents/beef/acknowledge", { by: "ada" }, 404, "no incident has that key"],
  ["/api/v1/incidents/beef/close", { by: "ada" }, 404, "send it to /api/v1/incidents/<key>"],
  ["/api/v1/incidents/beef/acknowledge", { by: " " }, 400, 'send {"by"'],
  ["/api/v1/incidents/beef/acknowledge", "ada", 400, 'send {"by"'],
])("refuses %s with %j", async (path, body, status, sentence) => {
  const refused = await answer(startScene([pager]), path, body);
  expect(refused.status).toBe(status);
  expect(JSON.stringify(refused.body)).toContain(JSON.stringify(sentence).slice(1, -1));
});

test("taking an incident on is for an operator", () => {
  const { planner } = startScene([pager]);
  expect(createIncidentRoutes(planner).map(({ method, role }) => [method, role])).toEqual([
    ["GET", "viewer"],
    ["POST", "operator"],
  ]);
});
