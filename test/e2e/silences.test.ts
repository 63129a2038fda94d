import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  freePort,
  hasProgram,
  startWarpwatch,
  untilAnswered,
  type Program,
} from "../kit/programs.ts";

/** Always open, for alerts of no node that there is. */
const config = `
maintenance:
  - name: patching
    cron: "* * * * *"
    duration: 5m
    match: { node: none-such }
`;

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

describe.skipIf(!hasProgram("amtool"))("amtool against the collector, and the record of it", () => {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-amtool-"));
  const state = join(folder, "state");
  let address = "";
  let program: Program;

  async function start(): Promise<void> {
    program = startWarpwatch([
      "collector",
      `--config.file=${join(folder, "collector.yaml")}`,
      `--web.listen-address=${address.replace("http://", "")}`,
      `--state.folder=${state}`,
    ]);
    await untilAnswered(`${address}/-/ready`, program);
  }

  function run(command: string, args: readonly string[]): Said {
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: "utf8" });
    return { code: status, out: stdout.trim(), errors: stderr.trim() };
  }

  function amtool(...args: string[]): Said {
    return run("amtool", [
      `--alertmanager.url=${address}`,
      `--http.config.file=${join(folder, "http.yml")}`,
      "--no-version-check",
      ...args,
    ]);
  }

  async function audit(...args: string[]): Promise<Said & { readonly text: string }> {
    const asked = startWarpwatch(["audit", ...args, `--state.folder=${state}`]);
    const code = await asked.ended();
    return { code, out: "", errors: "", text: asked.output() };
  }

  async function get(path: string): Promise<unknown> {
    const token = readFileSync(join(state, "token"), "utf8").trim();
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`${address}${path}`, { headers })).json();
  }

  beforeAll(async () => {
    address = `http://127.0.0.1:${await freePort()}`;
    writeFileSync(join(folder, "collector.yaml"), config);
    await start();
    writeFileSync(
      join(folder, "http.yml"),
      `authorization:\n  type: Bearer\n  credentials_file: ${join(state, "token")}\n`,
    );
  });
  afterAll(async () => {
    await program.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("adds, shows, prolongs and expires a silence with its bearer token", () => {
    const what = ["alertname=GpuHot", "node=~gpu-0.*"];
    const added = amtool("silence", "add", "-a", "ada", "-c", "fan swap", "-d", "1h", ...what);
    expect(added).toMatchObject({ code: 0, errors: "" });
    const id = added.out;
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const shown = JSON.parse(amtool("silence", "query", "-o", "json", "alertname=GpuHot").out);
    expect(shown).toMatchObject([
      { id, createdBy: "ada", comment: "fan swap", status: { state: "active" } },
    ]);
    expect(amtool("silence", "query", "-q", "alertname=Other").out).toBe("");
    expect(amtool("silence", "update", "-d", "3h", id).code).toBe(0);
    const [prolonged] = JSON.parse(amtool("silence", "query", "-o", "json").out);
    expect(prolonged.id).toBe(id);
    expect(Date.parse(prolonged.endsAt) - Date.parse(shown[0].endsAt)).toBeGreaterThan(3_600_000);
    expect(amtool("silence", "expire", id)).toMatchObject({ code: 0, errors: "" });
    expect(amtool("silence", "query", "-q").out).toBe("");
    expect(amtool("silence", "query", "-q", "--expired", "--within=1h").out).toBe(id);
  });

  it("reads alerts and status, and hears in a sentence why something is refused", () => {
    expect(amtool("alert", "query")).toMatchObject({ code: 0, errors: "" });
    expect(amtool("cluster", "show").out).toContain("disabled");
    const refused = amtool("silence", "add", "node=~.*", "-a", "ada", "-c", "all of it");
    expect(refused.code).toBe(1);
    expect(refused.errors).toContain("at least one matcher must not match an empty value");
    const stranger = run("amtool", [`--alertmanager.url=${address}`, "silence", "query"]);
    expect(stranger.code).toBe(1);
    expect(stranger.errors).toContain("401");
  });

  it("a silence that matches nothing now is made, and says so", async () => {
    const token = readFileSync(join(state, "token"), "utf8").trim();
    const answer = await fetch(`${address}/api/v2/silences`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({
        matchers: [{ name: "node", value: "none-such", isRegex: false }],
        startsAt: new Date(Date.now() + 60_000).toISOString(),
        endsAt: new Date(Date.now() + 120_000).toISOString(),
        createdBy: "ada",
        comment: "later",
      }),
    });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      matching: 0,
      note: "no alert that is open now matches",
    });
  });

  it("says which maintenance windows are open", async () => {
    expect(await get("/api/v1/maintenance")).toMatchObject({
      windows: [
        {
          name: "patching",
          matchers: '{node="none-such"}',
          active: { endsAt: expect.any(String) },
          next: { startsAt: expect.any(String) },
        },
      ],
    });
  });

  it("is in the audit log, of a running collector as of one that was killed, and tampering shows", async () => {
    const { text } = await audit("show", "--kind=silence", `--collector.url=${address}`);
    expect(text).toMatch(/silence +ada .*\n.*action="made".*comment="fan swap"/);
    expect(text).toMatch(/silence +not named .*\n.*action="expired"/);
    const verified = await audit("verify", `--collector.url=${address}`);
    expect(verified).toMatchObject({ code: 0 });
    const head = /head (\d+:[0-9a-f]{64})/.exec(verified.text)?.[1] ?? "";
    expect(await get(`/api/v1/audit/verify?head=${head}`)).toMatchObject({ ok: true });

    program.child.kill("SIGKILL");
    await program.ended();
    expect(await audit("verify", `--head=${head}`)).toMatchObject({ code: 0 });
    const database = new DatabaseSync(join(state, "collector", "state.db"));
    database.exec("UPDATE audit SET actor = 'eve' WHERE sequence = 2");
    database.close();
    const tampered = await audit("verify");
    expect(tampered.code).toBe(1);
    expect(tampered.text).toContain("entry 2 isn't as it was written");

    await start();
    expect(await get("/api/v1/audit/verify")).toMatchObject({
      ok: false,
      complaint: expect.stringContaining("entry 2 isn't"),
    });
  });
});
