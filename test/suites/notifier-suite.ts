/** What every notifier must do, against a real receiver: through the dispatcher, over a real outbox. */
import { describe, expect, onTestFinished, test } from "vitest";
import { startDispatcher } from "../../collector/notify/dispatcher.ts";
import type { Notifier } from "../../collector/notify/notifier.ts";
import type { Planner } from "../../collector/notify/incident/planner.ts";
import type { Alert } from "../../collector/state/alert.ts";
import { tellingOf, type Telling } from "../../collector/state/notification.ts";
import { openState, type State } from "../../collector/state/open.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics, type SelfMetrics } from "../../core/kit/self-metrics.ts";
import { makeAlert, resolved } from "../kit/alerts.ts";
import { makeFolder } from "../kit/folder.ts";
import { startPlanner } from "../kit/planning.ts";
import type { Receiver } from "../kit/receivers.ts";

export interface NotifierSubject {
  startReceiver(): Promise<Receiver>;
  /** With a time-out of one second. */
  makeNotifier(receiver: Receiver): Notifier;
  /** What must never show in a log line, a metric or a dead letter. */
  readonly secrets: readonly string[];
  /** The action that a request's body tells of. */
  actionOf(body: string): "trigger" | "resolve";
  /** A receiver that groups by itself is told of alerts alone. */
  readonly groupsByItself?: boolean;
  /** What tells the receiver that two requests are about the same; the whole body where nothing else is said. */
  identityOf?(body: string): string;
}

export interface Bench {
  readonly state: State;
  readonly metrics: SelfMetrics;
  readonly logLines: readonly string[];
  readonly planner: Planner;
  readonly notify: (...alerts: Alert[]) => void;
  /** Tells it as the planner would. */
  readonly tell: (...tellings: Telling[]) => void;
  /** Resolves when nothing waits in the outbox. */
  drained(notifier: string): Promise<void>;
  readonly close: () => Promise<void>;
}

export function startBench(notifiers: readonly Notifier[], folder = makeFolder()): Bench {
  const env = createEnv();
  const logLines: string[] = [];
  const log = createLog({
    clock: env.clock,
    write: (line) => void logLines.push(line),
    repeatMilliseconds: 0,
  });
  const metrics = createSelfMetrics({ clock: env.clock, processMetrics: false });
  const state = openState({ folder, notifiers, clock: env.clock });
  const { alerts, outbox } = state;
  const planner = startPlanner(state, notifiers, env.clock, { log, metrics });
  const dispatcher = startDispatcher({ notifiers, outbox, alerts, planner, env, log, metrics });
  let open = true;
  async function close(): Promise<void> {
    if (!open) return;
    open = false;
    await dispatcher.close();
    state.close();
  }
  onTestFinished(close);
  return {
    state,
    metrics,
    logLines,
    planner,
    close,
    tell(...tellings) {
      state.transaction(() =>
        outbox.add(
          notifiers.flatMap(({ name }) => tellings.map((telling) => ({ notifier: name, telling }))),
        ),
      );
      outbox.announce();
    },
    notify: (...changed) => alerts.commit({ changed, dropped: [], notify: changed }),
    drained: (notifier) =>
      expect.poll(() => outbox.depth(notifier), { timeout: 10_000, interval: 10 }).toBe(0),
  };
}

export function describeNotifier(name: string, subject: NotifierSubject): void {
  async function prepare(): Promise<{ receiver: Receiver; notifier: Notifier; bench: Bench }> {
    const receiver = await subject.startReceiver();
    onTestFinished(() => receiver.close());
    const notifier = subject.makeNotifier(receiver);
    return { receiver, notifier, bench: startBench([notifier]) };
  }
  const answers = (receiver: Receiver): unknown[] => receiver.requests.map(({ answer }) => answer);
  const isAccepted = (answer: unknown): boolean => answer === 200 || answer === 202;

  describe(name, () => {
    test("delivers a trigger and a resolve that were committed together, in this order", async () => {
      const { receiver, notifier, bench } = await prepare();
      const alert = freshAlert();
      bench.notify(alert);
      bench.notify(resolved(alert, Date.now()));
      await bench.drained(notifier.name);
      expect(receiver.requests.map(({ body }) => subject.actionOf(body))).toEqual([
        "trigger",
        "resolve",
      ]);
      expect(answers(receiver).every(isAccepted)).toBe(true);
    });

    test("waits as long as Retry-After says, with everything it has", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "status", status: 429, headers: { "retry-after": "1" } });
      bench.notify(freshAlert());
      await expect.poll(() => bench.logLines.length).toBe(1);
      bench.notify(alertOf("node-08"));
      await bench.drained(notifier.name);
      const [first, ...later] = receiver.requests;
      expect(later).toHaveLength(2);
      for (const request of later)
        expect(request.atMilliseconds - (first?.atMilliseconds ?? 0)).toBeGreaterThan(950);
    });

    test("tries again after 500 and doesn't let the resolve overtake the trigger", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "status", status: 500 }, { kind: "status", status: 503 });
      const alert = freshAlert();
      bench.notify(alert);
      bench.notify(resolved(alert, Date.now()));
      await bench.drained(notifier.name);
      expect(receiver.requests.map(({ body }) => subject.actionOf(body))).toEqual([
        "trigger",
        "trigger",
        "trigger",
        "resolve",
      ]);
    });

    test("tries again when the connection is reset", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "reset" });
      bench.notify(freshAlert());
      await bench.drained(notifier.name);
      expect(answers(receiver)[0]).toBe("reset");
      expect(isAccepted(answers(receiver)[1])).toBe(true);
    });

    test("repeats exactly what it sent when the receiver took it and never answered", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "accept_then_silence" });
      bench.notify(freshAlert());
      await bench.drained(notifier.name);
      expect(receiver.requests).toHaveLength(2);
      const identities = receiver.requests.map(({ body }) => subject.identityOf?.(body) ?? body);
      expect(new Set(identities).size).toBe(1);
      expect(await bench.metrics.render("text")).toContain('reason="timeout"');
    });

    test("accepts a slow answer within its time-out", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "slow", milliseconds: 150 });
      bench.notify(freshAlert());
      await bench.drained(notifier.name);
      expect(receiver.requests).toHaveLength(1);
    });

    test("never repeats what was refused with 400, and shows it among the dead letters", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "status", status: 400 });
      bench.notify(freshAlert());
      await bench.drained(notifier.name);
      bench.notify(alertOf("node-09"));
      await bench.drained(notifier.name);
      expect(answers(receiver)[0]).toBe(400);
      expect(receiver.requests).toHaveLength(2);
      expect(bench.state.outbox.deadLetters()).toMatchObject([{ notifier: notifier.name }]);
      const page = await bench.metrics.render("text");
      expect(page).toContain(
        `warpwatch_notifications_total{notifier="${notifier.name}",outcome="refused"} 1`,
      );
      expect(page).toContain("warpwatch_dead_letters 1");
      expect(bench.logLines.filter((line) => line.includes('"level":"error"'))).toHaveLength(1);
    });

    test("doesn't follow a redirect", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan({ kind: "status", status: 307, headers: { location: "/elsewhere" } });
      bench.notify(freshAlert());
      await bench.drained(notifier.name);
      expect(receiver.requests).toHaveLength(1);
      expect(bench.state.outbox.deadLetters()).toHaveLength(1);
    });

    test("takes up after a restart what it couldn't deliver before", async () => {
      const receiver = await subject.startReceiver();
      onTestFinished(() => receiver.close());
      const notifier = subject.makeNotifier(receiver);
      const folder = makeFolder();
      const before = startBench([notifier], folder);
      receiver.plan({ kind: "status", status: 500 }, { kind: "status", status: 500 });
      before.notify(freshAlert());
      await receiver.until(() => receiver.requests.length === 1);
      await before.close();
      const after = startBench([notifier], folder);
      await after.drained(notifier.name);
      expect(answers(receiver).filter(isAccepted)).toHaveLength(1);
    });

    test.skipIf(subject.groupsByItself)(
      "shows how many alerts an incident has, and which",
      async () => {
        const { receiver, notifier, bench } = await prepare();
        bench.tell(groupTelling(), { ...groupTelling(), action: "update", occasion: "changed" });
        await bench.drained(notifier.name);
        expect(answers(receiver).every(isAccepted)).toBe(true);
        const told = receiver.requests.map(({ body }) => body).join("\n");
        for (const part of ["GPU 5 on node-07 is lost", "GPU 6 on node-07 is lost"])
          expect(told).toContain(part);
        expect(told).toMatch(/and 38 more|"alerts":40/);
      },
    );

    test.skipIf(subject.groupsByItself)(
      "says who has taken an incident on, and why nobody had",
      async () => {
        const { receiver, notifier, bench } = await prepare();
        const escalation = { name: "gpu-oncall", tier: 2, afterMilliseconds: 900_000 };
        bench.tell(
          { ...groupTelling(), occasion: "escalated", escalation },
          {
            ...groupTelling(),
            action: "acknowledge",
            acknowledgement: { by: "ada", comment: "on it", atMilliseconds: Date.now() },
          },
        );
        await bench.drained(notifier.name);
        const [escalated, acknowledged] = receiver.requests.map(({ body }) => body);
        expect(answers(receiver).every(isAccepted)).toBe(true);
        expect(escalated).toContain("gpu-oncall");
        expect(acknowledged).toContain("ada");
        expect(acknowledged).toContain("on it");
      },
    );

    test.skipIf(subject.groupsByItself)("lists what a digest holds", async () => {
      const { receiver, notifier, bench } = await prepare();
      const { annotations } = makeAlert();
      const alert = makeAlert({
        rule: "NotificationDigest",
        annotations: { ...annotations, summary: "40 more alerts in the last minute" },
      });
      bench.tell({ ...groupTelling(), action: "digest", kind: "digest", alert });
      await bench.drained(notifier.name);
      expect(answers(receiver)).toHaveLength(1);
      const [body] = receiver.requests.map((request) => request.body);
      expect(body).toContain("40 more alerts in the last minute");
      expect(body).toContain("GPU 6 on node-07 is lost");
    });

    test("shows no secret in logs, metrics or dead letters", async () => {
      const { receiver, notifier, bench } = await prepare();
      receiver.plan(
        { kind: "status", status: 500 },
        { kind: "reset" },
        { kind: "status", status: 403 },
      );
      bench.notify(freshAlert());
      await bench.drained(notifier.name);
      const shown = [
        ...bench.logLines,
        await bench.metrics.render("text"),
        JSON.stringify(bench.state.outbox.deadLetters()),
      ].join("\n");
      expect(shown).toContain(notifier.name);
      for (const secret of subject.secrets) expect(shown).not.toContain(secret);
    });
  });
}

/** An incident of forty alerts, of which two are listed. */
function groupTelling(): Telling {
  const alert = freshAlert();
  const members = [5, 6].map((gpu) => ({
    fingerprint: `f${gpu}`,
    rule: alert.rule,
    severity: "critical",
    node: "node-07",
    summary: `GPU ${gpu} on node-07 is lost`,
    over: false,
  }));
  return { ...tellingOf(alert), key: "group-key", members, memberCount: 40 };
}

/** An incident of its own for each node. */
function alertOf(node: string): Alert {
  return makeAlert({ labels: { ...makeAlert().labels, node } });
}

/** One that fired just now, so that latency is small and nothing is expired. */
function freshAlert(): Alert {
  const now = Date.now();
  return makeAlert({ activeAtMilliseconds: now - 1000, firedAtMilliseconds: now });
}
