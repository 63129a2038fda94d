import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { Overview } from "../../../collector/console/overview.ts";
import {
  hasChromium,
  launchBrowser,
  newPage,
  type OpenedPage,
  type PageOptions,
} from "../../kit/browser.ts";
import { startConsole, type Console } from "../../kit/console.ts";
import { hostileOverview, largeOverview } from "../../kit/overviews.ts";
import { startWarpwatch } from "../../kit/programs.ts";

/** Where the screenshots of the last run lie, for people. */
const pictures = join(tmpdir(), "warpwatch-screenshots");
const redrawLimitMilliseconds = 50;

describe.skipIf(!hasChromium)("the console", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
    mkdirSync(pictures, { recursive: true });
  });
  afterAll(() => browser.close());

  async function openConsole(target: Console, options?: PageOptions): Promise<OpenedPage> {
    const opened = await newPage(browser, options);
    await opened.page.goto(`${target.address}/#token=${target.token}`);
    await opened.page.locator(".gpu").first().waitFor();
    return opened;
  }

  /** The page with answers of the test's own in place of the collector's. */
  async function openWith(
    target: Console,
    answer: () => Overview,
    options?: PageOptions,
  ): Promise<OpenedPage> {
    const opened = await newPage(browser, options);
    await opened.page.route("**/api/v1/overview", (route) => route.fulfill({ json: answer() }));
    await opened.page.goto(`${target.address}/#token=${target.token}`);
    await opened.page.locator(".gpu").first().waitFor();
    return opened;
  }

  const shoot = (page: Page, name: string): Promise<unknown> =>
    page.screenshot({ path: join(pictures, `${name}.png`) });

  it("shows every GPU of the fleet, alive, and an injected fault as an alert on its GPU", async () => {
    const target = await startConsole(16);
    onTestFinished(async () => void (await target.stop()));
    const { page, complaints } = await openConsole(target);
    expect(await page.locator(".gpu").count()).toBe(16);
    expect(page.url(), "the token stays in no history").not.toContain(target.token);
    const readings = (): Promise<string> => page.locator("#nodes").innerText();
    const first = await readings();
    await expect.poll(readings, { timeout: 10_000 }).not.toBe(first);
    await shoot(page, "light");

    const injected = startWarpwatch([
      "inject",
      "gpu_off_bus",
      "--node=1",
      "--gpu=4",
      `--state.folder=${target.folder}`,
    ]);
    expect(await injected.ended(), injected.output()).toBe(0);
    await page.locator(".card.critical", { hasText: "GpuXid" }).waitFor({ timeout: 15_000 });
    const cell = page.locator(".node", { hasText: "synthetic-01" }).locator(".gpu").nth(4);
    await expect.poll(() => cell.innerText(), { timeout: 10_000 }).toContain("GpuXid");
    expect(await page.title()).toMatch(/^\(\d+\) Warpwatch$/);
    await cell.click();
    expect(await page.locator("#detail").innerText()).toContain("gpu4 on synthetic-01");
    await shoot(page, "alert");
    await page.keyboard.press("Escape");
    expect(await page.locator("#detail").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it("says that it is out of date once the collector is gone, and goes on when it is back", async () => {
    const target = await startConsole(8);
    onTestFinished(async () => void (await target.stop()));
    const { page } = await openConsole(target);
    const trouble = page.locator("#trouble");
    expect(await trouble.isVisible()).toBe(false);
    expect(await target.stop()).toBe(0);
    await expect
      .poll(() => trouble.innerText(), { timeout: 10_000 })
      .toMatch(/^Out of date: .*Last answer \d+ s ago/s);
    expect(await page.locator(".gpu").count(), "what was known stays").toBe(8);
    await shoot(page, "out-of-date");
    await page.route("**/api/v1/overview", (route) => route.fulfill({ json: largeOverview(8) }));
    await expect.poll(() => trouble.isVisible(), { timeout: 10_000 }).toBe(false);
  });

  it("asks for the token when it has none or a wrong one, without using up the attempts", async () => {
    const target = await startConsole(8);
    onTestFinished(async () => void (await target.stop()));
    const { page } = await newPage(browser);
    let asked = 0;
    page.on("request", (request) => (asked += request.url().includes("/api/") ? 1 : 0));
    await page.goto(target.address);
    await expect
      .poll(() => page.locator("#trouble").innerText())
      .toContain("needs the collector's token");
    await page.waitForTimeout(2500);
    expect(asked).toBe(0);
    await page.getByLabel("Token").fill("not-the-token");
    await page.keyboard.press("Enter");
    await expect
      .poll(() => page.locator("#trouble").innerText())
      .toContain("doesn't know this token");
    await page.waitForTimeout(2500);
    expect(asked).toBe(1);
    await shoot(page, "token");
    await page.getByLabel("Token").fill(target.token);
    await page.keyboard.press("Enter");
    await page.locator(".gpu").first().waitFor();
    expect(await page.locator("#trouble").isVisible()).toBe(false);
  });

  describe("with any answer", () => {
    let target: Console;
    beforeAll(async () => {
      target = await startConsole(1);
    });
    afterAll(() => target.stop());

    const hostileNames: Readonly<Record<string, string>> = {
      markup: `<img src=x onerror="alert(1)"><script>alert(2)</script>`,
      quotes: `"'\`><b>&amp;&#x3c; javascript:alert(3)`,
      "right to left": "\u202egpu\u2066שלום\u202c",
      "500 characters": "x".repeat(500),
      nothing: "",
    };
    for (const [title, name] of Object.entries(hostileNames))
      it(`shows a name of ${title} as text and runs nothing`, async () => {
        const { page, complaints } = await openWith(target, () => hostileOverview(name));
        expect(await page.locator(".node h3").textContent()).toBe(name);
        expect(await page.locator(".card .name").first().textContent()).toBe(name);
        await page.locator("summary").click();
        await page.locator(".gpu").first().click();
        expect(
          await page.locator("main img, main script, main b, dialog img, [onerror]").count(),
        ).toBe(0);
        expect(await page.locator(".card a[href]").count()).toBe(0);
        expect(await sidewaysScroll(page)).toBe(0);
        await shoot(page, `hostile ${title}`);
        expect(complaints).toEqual([]);
      });

    it("draws anew within 50 ms with 1,000 GPUs, and touches only what changed", async () => {
      let round = 0;
      let moving = true;
      const { page, complaints } = await openWith(target, () => {
        round += moving ? 1 : 0;
        return largeOverview(1000, round);
      });
      expect(await page.locator(".gpu").count()).toBe(1000);
      await shoot(page, "1000 GPUs");
      const took = await redrawMilliseconds(page, () => round);
      expect(took).toBeLessThanOrEqual(redrawLimitMilliseconds);

      moving = false;
      await page.waitForTimeout(2500);
      const touched = await page.evaluate<number>(`
        new Promise((resolve) => {
          let count = 0;
          const watcher = new MutationObserver((changes) => (count += changes.length));
          const everything = { subtree: true, childList: true, attributes: true, characterData: true };
          watcher.observe(document.body, everything);
          setTimeout(() => resolve(count), 2500);
        })`);
      expect(touched).toBe(0);
      expect(complaints).toEqual([]);
    });

    it("finds a node by its name and, when asked, shows only what isn't ok", async () => {
      const { page } = await openWith(target, () => largeOverview(400));
      await page.getByRole("searchbox", { name: "Node" }).fill("node-01");
      await expect.poll(() => page.locator(".node").count()).toBe(10);
      await page.getByRole("searchbox", { name: "Node" }).fill("");
      await page.getByLabel("Only what isn't ok").check();
      await expect.poll(() => page.locator(".node").count()).toBe(8);
      await page.getByRole("searchbox", { name: "Node" }).fill("nothing like it");
      await expect
        .poll(() => page.locator("#fleet-note").innerText())
        .toBe("No node is like that.");
    });

    for (const scheme of ["light", "dark"] as const)
      it(`can be read in ${scheme}: text stands out at 4.5 to 1 or more`, async () => {
        const { page } = await openWith(target, () => largeOverview(64), { scheme });
        await shoot(page, `64 GPUs ${scheme}`);
        expect(await weakTexts(page)).toEqual([]);
      });

    it("fits a screen 320 pixels wide", async () => {
      const { page } = await openWith(target, () => largeOverview(16), { width: 320, height: 800 });
      expect(await sidewaysScroll(page)).toBe(0);
      const clipped = await page.evaluate<number>(
        `[...document.querySelectorAll(".gpu")].filter((cell) => cell.scrollWidth > cell.clientWidth).length`,
      );
      expect(clipped).toBe(0);
      await shoot(page, "narrow");
    });

    it("shows where the keyboard is, and opens a GPU with it", async () => {
      const { page } = await openWith(target, () => largeOverview(16));
      await page.getByLabel("Compact").focus();
      await page.keyboard.press("Tab");
      expect(await page.locator(":focus").getAttribute("class")).toContain("gpu");
      const outline = await page.evaluate<string>(
        "getComputedStyle(document.activeElement).outlineStyle",
      );
      expect(outline).toBe("solid");
      await page.keyboard.press("Enter");
      expect(await page.locator("#detail").innerText()).toContain("gpu0 on gpu-node-000");
    });
  });
});

/** How far the page can be scrolled sideways. */
function sidewaysScroll(page: Page): Promise<number> {
  return page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
}

/** What the page's main thread works for in one redraw: script, style and layout, on average over some. */
async function redrawMilliseconds(page: Page, rounds: () => number): Promise<number> {
  const session = await page.context().newCDPSession(page);
  // In processor time: what else the machine does is no work of the page's.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked = async (): Promise<number> => {
    const { metrics } = await session.send("Performance.getMetrics");
    const parts = new Set(["ScriptDuration", "LayoutDuration", "RecalcStyleDuration"]);
    return metrics.reduce((sum, { name, value }) => sum + (parts.has(name) ? value : 0), 0);
  };
  const [begun, first] = [await worked(), rounds()];
  await expect.poll(rounds, { timeout: 20_000, interval: 100 }).toBeGreaterThanOrEqual(first + 6);
  return (((await worked()) - begun) * 1000) / (rounds() - first);
}

/** Texts whose contrast to what is behind them is under WCAG's 4.5 to 1. */
async function weakTexts(page: Page): Promise<string[]> {
  const texts = await page.evaluate<[string, string, string][]>(`
    [...document.querySelectorAll("body *")]
      .filter((one) => one.checkVisibility() && [...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim()))
      .map((one) => {
        let behind = one;
        const back = () => getComputedStyle(behind).backgroundColor;
        while (back() === "rgba(0, 0, 0, 0)" && behind.parentElement) behind = behind.parentElement;
        return [one.textContent.trim(), getComputedStyle(one).color, back()];
      })`);
  expect(texts.length).toBeGreaterThan(20);
  const weak = texts.filter(([, color, back]) => contrast(color, back) < 4.5);
  return weak.map((one) => one.join(" | "));
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].toSorted((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
