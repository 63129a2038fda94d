import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    isolate: false,
    // Tests mostly wait for the programs that they start: a worker on every processor.
    maxWorkers: "100%",
    // Patience for a machine that is busy with other things; what must be quick says so itself.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 10_000 } },
  },
});
