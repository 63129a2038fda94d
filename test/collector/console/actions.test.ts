import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AlertOverview, Overview } from "../../../collector/console/overview.ts";
import { hasChromium, launchBrowser, newPage, type PageOptions } from "../../kit/browser.ts";
import { startConsole, type Console } from "../../kit/console.ts";
import { largeOverview } from "../../kit/overviews.ts";
import { startWarpwatch } from "../../kit/programs.ts";

/** Where the screenshots of the last run lie, for people. */
const pictures = join(tmpdir(), "warpwatch-screenshots");
const hour = 3_600_000;
const patience = { timeout: 15_000 };

const entrySchema = z.object({
  kind: z.string(),
  actor: z.string(),
  details: z.record(z.string(), z.unknown()),
});

/** A window that is always open, so that the page has one to show, for alerts of no node that there is. */
const config = `
notifiers:
  - type: stdout
maintenance:
  - name: patching
    cron: "* * * * *"
    duration: 5m
    match: { node: none-such }
    comment: driver updates
`;

function shoot(page: Page, name: string): Promise<unknown> {
  return page.screenshot({ path: join(pictures, `${name}.png`) });
}

/** One alert of each kind of quiet, and what keeps them quiet. */
function quietOverview(text = "fan swap"): Overview {
  const overview = largeOverview(16);
  const now = overview.timeMilliseconds;
  const make = (name: string, changes: Partial<AlertOverview>): AlertOverview => ({
    fingerprint: Buffer.from(name).toString("hex").padEnd(64, "0"),
    labels: { alertname: name, node: "gpu-node-000", UUID: "GPU-5", severity: "warning" },
    muted: [],
    acknowledged: null,
    told: true,
    rule: name,
    severity: "warning",
    state: "firing",
    unknown: false,
    node: "gpu-node-000",
    sinceMilliseconds: now - 600_000,
    summary: `${name} needs somebody`,
    runbookUrl: "",
    ...changes,
  });
  const silence = {
    kind: "silence",
    id: "s-1",
    by: text,
    comment: text,
    untilMilliseconds: now + hour,
  } as const;
  const window = { ...silence, kind: "maintenance", by: "patching", id: "patching" } as const;
  const source = { kind: "inhibition", id: "f", by: "GpuLost on gpu-node-000" } as const;
  return {
    ...overview,
    alerts: [
      make("Silenced", { muted: [silence] }),
      make("Maintained", { muted: [window] }),
      make("Explained", { muted: [{ ...source, comment: "", untilMilliseconds: null }] }),
      make("Taken", { acknowledged: { by: text, comment: text, atMilliseconds: now - 60_000 } }),
      make("Open", { severity: "info" }),
      make("Untold", { severity: "info", told: false }),
      make("Pending", { severity: "critical", state: "pending", told: false }),
    ],
    silences: [
      {
        id: "s-1",
        state: "active",
        matchers: `{alertname="${text}",node=~"gpu-.*"}`,
        createdBy: text,
        comment: text,
        startsAtMilliseconds: now,
        endsAtMilliseconds: now + hour,
        alerts: 1,
      },
      {
        id: "s-2",
        state: "pending",
        matchers: '{node="gpu-node-001"}',
        createdBy: "bob",
        comment: "moves racks",
        startsAtMilliseconds: now + hour,
        endsAtMilliseconds: now + 2 * hour,
        alerts: 0,
      },
    ],
    maintenance: [
      {
        name: "patching",
        comment: text,
        matchers: '{cluster="a"}',
        openUntilMilliseconds: now + hour,
        nextAtMilliseconds: now + 24 * hour,
      },
      {
        name: "once",
        comment: "",
        matchers: '{node="x"}',
        openUntilMilliseconds: null,
        nextAtMilliseconds: null,
      },
    ],
  };
}

describe.skipIf(!hasChromium)("what people do about alerts in the console", () => {
  let browser: Browser;
  let target: Console;
  beforeAll(async () => {
    mkdirSync(pictures, { recursive: true });
    [browser, target] = await Promise.all([launchBrowser(), startConsole(8, config)]);
  });
  afterAll(async () => {
    await browser.close();
    await target.stop();
  });

  async function open(overview: Overview | null, options?: PageOptions) {
    const opened = await newPage(browser, options);
    if (overview)
      await opened.page.route("**/api/v1/overview", (route) => route.fulfill({ json: overview }));
    await opened.page.goto(`${target.address}/#token=${target.token}`);
    await opened.page.locator(".gpu").first().waitFor();
    return opened;
  }

  const card = (page: Page, text: string): Locator =>
    page.locator("#alerts .card", { hasText: text });

  it("an alert is acknowledged, silenced and told again, by keyboard alone", async () => {
    const { page, complaints } = await open(null);
    const fault = ["inject", "gpu_off_bus", "--gpu=4", `--state.folder=${target.folder}`];
    const injected = startWarpwatch(fault);
    expect(await injected.ended(), injected.output()).toBe(0);
    const alert = card(page, "GpuXid").first();
    await alert.waitFor(patience);

    await alert.getByRole("button", { name: /^Acknowledge GpuXid/ }).focus();
    await page.keyboard.press("Enter");
    const acknowledge = page.getByRole("dialog", { name: /^Acknowledge GpuXid/ });
    await expect.poll(() => acknowledge.isVisible()).toBe(true);
    await page.keyboard.type("Ada Łovelace");
    await page.keyboard.press("Tab");
    await page.keyboard.type("I look at it");
    await shoot(page, "acknowledge");
    await page.keyboard.press("Enter");
    await expect.poll(() => acknowledge.isVisible(), patience).toBe(false);
    await expect
      .poll(() => alert.innerText(), patience)
      .toMatch(/Acknowledged by Ada Łovelace, \d+ s ago: I look at it/);
    expect(await alert.getByRole("button", { name: /^Acknowledge/ }).count()).toBe(0);

    await alert.getByRole("button", { name: /^Silence GpuXid/ }).focus();
    await page.keyboard.press("Enter");
    const silence = page.getByRole("dialog", { name: /^Silence GpuXid/ });
    const field = silence.getByLabel("Your name");
    expect(await field.inputValue(), "the name is remembered").toBe("Ada Łovelace");
    expect(await silence.getByLabel(/^alertname=/).isChecked()).toBe(true);
    expect(await silence.getByLabel(/^severity=/).isChecked()).toBe(false);
    await page.keyboard.type("board swap");
    await shoot(page, "silence");
    await page.keyboard.press("Enter");
    await expect.poll(() => silence.isVisible(), patience).toBe(false);
    expect(await page.locator("#done").innerText()).toMatch(/Silenced. It matches \d open alert/);
    await expect
      .poll(() => alert.innerText(), patience)
      .toMatch(/Silenced by Ada Łovelace, \d+ min left: board swap/);
    const listed = page.locator("#silences .card");
    expect(await listed.count()).toBe(1);
    await expect.poll(() => listed.innerText(), patience).toContain("quiets 1 alert");
    expect(await page.locator("#maintenance .card").innerText()).toContain("patching");
    expect(await page.locator("#tally").innerText()).toMatch(/1 alert firing\s+1 taken care of/);
    expect(await page.title(), "nobody is waited for").toBe("Warpwatch");
    await shoot(page, "silenced");

    await listed.getByRole("button", { name: /^Expire/ }).focus();
    await page.keyboard.press("Enter");
    await expect.poll(() => page.locator("#silences .card").count(), patience).toBe(0);
    await expect.poll(() => alert.innerText(), patience).not.toContain("Silenced");
    const log = await fetch(`${target.address}/api/v1/audit?limit=1000`, {
      headers: { authorization: `Bearer ${target.token}` },
    });
    const { entries } = z.object({ entries: z.array(entrySchema) }).parse(await log.json());
    const told = entries.map(({ kind, actor, details }) =>
      [kind, actor, details["action"] ?? details["state"]].join(" "),
    );
    expect(told).toEqual(
      expect.arrayContaining([
        "alert collector firing",
        "silence Ada Łovelace made",
        "silence Ada Łovelace expired",
        "action collector started",
      ]),
    );
    expect(told.some((one) => one.startsWith("acknowledgement Ada Łovelace"))).toBe(true);
    expect(told.some((one) => one.startsWith("notification collector"))).toBe(true);
    expect(complaints).toEqual([]);
  });

  it("a refusal is told in the dialog, which stays; Escape gives up", async () => {
    const { page } = await open(quietOverview());
    await card(page, "Open")
      .getByRole("button", { name: /^Acknowledge/ })
      .click();
    const dialog = page.getByRole("dialog", { name: /^Acknowledge Open/ });
    await dialog.getByLabel("Your name").fill("ada");
    await dialog.getByRole("button", { name: "Acknowledge" }).click();
    await expect
      .poll(() => dialog.getByRole("alert").innerText(), patience)
      .toContain("nobody is told of it any more");
    await shoot(page, "refused");
    await page.keyboard.press("Escape");
    expect(await dialog.isVisible()).toBe(false);

    await card(page, "Open")
      .getByRole("button", { name: /^Silence/ })
      .click();
    const silence = page.getByRole("dialog", { name: /^Silence Open/ });
    expect(await silence.getByRole("alert").isVisible(), "what was said is gone").toBe(false);
    for (const box of await silence.getByRole("checkbox").all()) await box.uncheck();
    await silence.getByLabel("Why").fill("because");
    await silence.getByRole("button", { name: "Silence" }).click();
    await expect
      .poll(() => silence.getByRole("alert").innerText())
      .toContain("Choose at least one label");
  });

  it("says why an alert is quiet, and puts what nobody has first", async () => {
    const { page, complaints } = await open(quietOverview());
    const text = async (name: string): Promise<string> => card(page, name).innerText();
    expect(await text("Silenced")).toContain("Silenced by fan swap, 60 min left: fan swap");
    expect(await text("Maintained")).toContain("Maintenance patching, 60 min left: fan swap");
    expect(await text("Explained")).toContain("Explained by GpuLost on gpu-node-000");
    expect(await text("Taken")).toContain("Acknowledged by fan swap, 60 s ago: fan swap");
    expect(await card(page, "Untold").getByRole("button").count()).toBe(1);
    expect(await card(page, "Pending").getByRole("button").count()).toBe(0);
    const names = await page.locator("#alerts .name").allInnerTexts();
    expect(names.slice(0, 2).toSorted()).toEqual(["Open", "Untold"]);
    expect(names.at(-1)).toBe("Pending");
    expect(await page.locator("#silences .card").count()).toBe(2);
    expect(await page.locator("#maintenance .card").allInnerTexts()).toEqual([
      expect.stringContaining("open"),
      expect.stringContaining("never again"),
    ]);
    expect(complaints).toEqual([]);
  });

  it("shows hostile names as text", async () => {
    const hostile = `<img src=x onerror="alert(1)">"'\`{}`;
    const { page, complaints } = await open(quietOverview(hostile));
    expect(await card(page, "Taken").innerText()).toContain(`by ${hostile}`);
    await card(page, "Open")
      .getByRole("button", { name: /^Silence/ })
      .click();
    expect(await page.locator("main img, dialog img, [onerror]").count()).toBe(0);
    expect(complaints).toEqual([]);
  });

  for (const scheme of ["light", "dark"] as const)
    it(`fits 320 pixels in ${scheme}, and so do its dialogs`, async () => {
      const size = { width: 320, height: 640, scheme };
      const { page } = await open(quietOverview("a_word_that_is_so_long_that_it_must_break"), size);
      const sideways = (): Promise<number> =>
        page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
      expect(await sideways()).toBe(0);
      await page.screenshot({ path: join(pictures, `quiet narrow ${scheme}.png`), fullPage: true });
      await card(page, "Open")
        .getByRole("button", { name: /^Silence/ })
        .click();
      const box = await page.getByRole("dialog").boundingBox();
      expect(box?.x).toBeGreaterThanOrEqual(0);
      expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(320);
      expect((box?.y ?? 0) + (box?.height ?? 0)).toBeLessThanOrEqual(640);
      await shoot(page, `silence narrow ${scheme}`);
    });
});
