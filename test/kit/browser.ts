/** A real Chromium under test: what the page complains of, and what its security policy stopped, is kept. */
import { chromium, type Browser, type Page } from "playwright-core";
import { onTestFinished } from "vitest";
import { hasProgram } from "./programs.ts";

export interface OpenedPage {
  readonly page: Page;
  /** Errors of the console and of scripts, violations of the policy, dialogs: none is expected of a page that is well. */
  readonly complaints: readonly string[];
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly scheme?: "light" | "dark";
}

/** As Debian names it. */
const program = "chromium";
export const hasChromium = hasProgram(program);

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: `/usr/bin/${program}`,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** A page in a context of its own, closed with the test. */
export async function newPage(browser: Browser, options: PageOptions = {}): Promise<OpenedPage> {
  const { width = 1440, height = 900, scheme = "light" } = options;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => void complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { page, complaints };
}
