/** The rows of incidents in the state file; see incident.ts for what they mean. */
import type { Alert } from "./alert.ts";
import { decodeAlert } from "./alert-codec.ts";
import type { Database } from "./database.ts";
import type { Incident, IncidentName, IncidentStore } from "./incident.ts";
import { incidentOf, rowOf } from "./incident-codec.ts";

type Row = Record<string, unknown>;

export function createIncidentStore(database: Database): IncidentStore {
  return {
    ...incidentRows(database),
    ...memberRows(database),
    ...heldRows(database),
    ...upkeep(database),
  };
}

type IncidentRows = Pick<
  IncidentStore,
  | "find"
  | "save"
  | "remove"
  | "due"
  | "withKey"
  | "list"
  | "collecting"
  | "count"
  | "openGroups"
  | "stormOf"
>;

/** How often an incident calls people again whose notifier's setting for it was lost. */
const lostRepeatMilliseconds = 4 * 3_600_000;

function incidentRows(database: Database): IncidentRows {
  const { sqlite } = database;
  const columns = "notifier, key, kind, state, due, opened_at, body";
  const select = (rest: string) => sqlite.prepare(`SELECT ${columns} FROM incident ${rest}`);
  const one = select("WHERE notifier = ? AND key = ?");
  const dueNow = select("WHERE due <= ? ORDER BY due LIMIT ?");
  const keyed = select("WHERE key = ?");
  const newest = select("ORDER BY opened_at DESC LIMIT ?");
  const waiting = select("WHERE notifier = ? AND kind = ? AND state = 'waiting' LIMIT 1");
  const upsert = sqlite.prepare("INSERT OR REPLACE INTO incident VALUES (?, ?, ?, ?, ?, ?, ?)");
  const removeOne = sqlite.prepare("DELETE FROM incident WHERE notifier = ? AND key = ?");
  const removeMembers = sqlite.prepare("DELETE FROM member WHERE notifier = ? AND key = ?");
  const countAll = sqlite.prepare("SELECT count(*) AS count FROM incident WHERE notifier = ?");
  const countOpen = sqlite.prepare(
    "SELECT count(*) AS count FROM incident WHERE notifier = ? AND kind = 'group' AND opened_at >= ?",
  );
  // With what went over the rate meanwhile, told or not.
  const joined = `FROM incident JOIN member USING (notifier, key) JOIN alert USING (fingerprint)
     WHERE incident.notifier = ?1 AND over = 0 AND (kind = 'group' AND opened_at >= ?2
       OR kind = 'digest' AND (opened_at >= ?2 OR incident.state = 'waiting'))`;
  const storm = sqlite.prepare(
    `SELECT count(*) AS alerts, min(fired_at) AS since,
     count(DISTINCT json_extract(alert.body, '$.labels.node')) AS nodes ${joined}`,
  );
  const gravest = sqlite.prepare(
    `SELECT alert.body AS body ${joined} ORDER BY rank, fired_at DESC LIMIT 1`,
  );
  const membership = sqlite.prepare(
    `SELECT count(*) AS count, min(fired_at) AS since FROM member WHERE notifier = ? AND key = ? AND over = 0`,
  );

  function save(incident: Incident): void {
    upsert.run(...rowOf(incident));
  }

  function remove({ notifier, key }: IncidentName): void {
    removeOne.run(notifier, key);
    removeMembers.run(notifier, key);
  }

  function sound(row: Row): Incident[] {
    const incident = incidentOf(row);
    if (incident !== null) return [incident];
    const name = nameOf(row);
    database.noteDamage(
      `incident ${name.key} of ${name.notifier} was damaged on disk: what still fires is told anew under the same key`,
    );
    return database.transaction(() => rebuild(name));
  }

  /** Of the alerts that are in it: one that is open, so that its end will be told, and calls people at once. */
  function rebuild(name: IncidentName): Incident[] {
    const members = membership.get(name.notifier, name.key);
    const most = Number(members?.["count"]);
    if (most === 0) {
      remove(name);
      return [];
    }
    const since = Number(members?.["since"]);
    const incident: Incident = {
      ...name,
      kind: "group",
      state: "open",
      dueMilliseconds: 0,
      openedAtMilliseconds: since,
      startedAtMilliseconds: since,
      labels: {},
      most,
      changed: true,
      toldAtMilliseconds: 0,
      calledAtMilliseconds: 0,
      repeatMilliseconds: lostRepeatMilliseconds,
      escalation: null,
      acknowledged: null,
    };
    save(incident);
    return [incident];
  }

  return {
    find: ({ notifier, key }) => one.all(notifier, key).flatMap(sound)[0] ?? null,
    save,
    remove,
    due: (time, limit) => dueNow.all(time, limit).flatMap(sound),
    withKey: (key) => keyed.all(key).flatMap(sound),
    list: (limit) => newest.all(limit).flatMap(sound),
    collecting: (notifier, kind) =>
      waiting
        .all(notifier, kind)
        .flatMap(sound)
        .find((incident) => incident.kind === kind && incident.state === "waiting") ?? null,
    count: (notifier) => Number(countAll.get(notifier)?.["count"]),
    openGroups: (notifier, since) => Number(countOpen.get(notifier, since)?.["count"]),
    stormOf(notifier, since) {
      const row = storm.get(notifier, since);
      const face = gravest.get(notifier, since);
      return {
        alerts: Number(row?.["alerts"]),
        nodes: Number(row?.["nodes"]),
        sinceMilliseconds: Number(row?.["since"] ?? 0),
        gravest: face === undefined ? null : (soundAlerts(face)[0] ?? null),
      };
    },
  };
}

type MemberRows = Pick<
  IncidentStore,
  | "join"
  | "leave"
  | "markOver"
  | "removeOver"
  | "homesOf"
  | "moveMembers"
  | "memberCount"
  | "members"
  | "fingerprints"
>;

function memberRows({ sqlite }: Database): MemberRows {
  const upsert = sqlite.prepare("INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, 0)");
  const remove = sqlite.prepare("DELETE FROM member WHERE notifier = ? AND fingerprint = ?");
  const over = sqlite.prepare("UPDATE member SET over = 1 WHERE notifier = ? AND fingerprint = ?");
  const sweep = sqlite.prepare("DELETE FROM member WHERE notifier = ? AND key = ? AND over = 1");
  const homes = sqlite.prepare("SELECT notifier, key FROM member WHERE fingerprint = ?");
  const move = sqlite.prepare("UPDATE member SET key = ? WHERE notifier = ? AND key = ?");
  const count = sqlite.prepare(
    "SELECT count(*) AS count FROM member WHERE notifier = ? AND key = ? AND over = 0",
  );
  const gravest = sqlite.prepare(
    `SELECT alert.body AS body, over FROM member JOIN alert USING (fingerprint)
     WHERE notifier = ? AND key = ? ORDER BY over, rank, fired_at DESC LIMIT ?`,
  );
  const names = sqlite.prepare("SELECT fingerprint FROM member WHERE notifier = ? AND key = ?");
  return {
    join: ({ notifier, key, fingerprint, rank, firedAtMilliseconds }) =>
      void upsert.run(notifier, fingerprint, key, rank, firedAtMilliseconds),
    leave: (notifier, fingerprint) => void remove.run(notifier, fingerprint),
    markOver: (notifier, fingerprint) => void over.run(notifier, fingerprint),
    removeOver: ({ notifier, key }) => void sweep.run(notifier, key),
    homesOf: (fingerprint) => homes.all(fingerprint).map(nameOf),
    moveMembers: ({ notifier, key }, toKey) => void move.run(toKey, notifier, key),
    memberCount: ({ notifier, key }) => Number(count.get(notifier, key)?.["count"]),
    members: ({ notifier, key }, limit) =>
      gravest
        .all(notifier, key, limit)
        .flatMap((row) => soundAlerts(row).map((alert) => ({ alert, over: row["over"] === 1 }))),
    fingerprints: ({ notifier, key }) =>
      names.all(notifier, key).map((row) => String(row["fingerprint"])),
  };
}

type HeldRows = Pick<IncidentStore, "hold" | "release" | "isHeld" | "nextHeld">;

function heldRows({ sqlite }: Database): HeldRows {
  /** What is asked about every second isn't read from text every second; alerts that are held don't change. */
  const known = new Map<string, Alert>();
  /** The last that was asked about; all have their turn. */
  let last = "";
  const insert = sqlite.prepare("INSERT OR REPLACE INTO held VALUES (?)");
  const remove = sqlite.prepare("DELETE FROM held WHERE fingerprint = ?");
  const select = sqlite.prepare("SELECT 1 FROM held WHERE fingerprint = ?");
  const following = sqlite.prepare(
    "SELECT fingerprint FROM held WHERE fingerprint > ? ORDER BY fingerprint LIMIT ?",
  );
  const alertOf = sqlite.prepare("SELECT body FROM alert WHERE fingerprint = ?");

  function read(fingerprint: string): Alert | null {
    const cached = known.get(fingerprint);
    if (cached) return cached;
    const row = alertOf.get(fingerprint);
    if (row === undefined) return null;
    const [alert] = soundAlerts(row);
    if (!alert) return null;
    known.set(fingerprint, alert);
    return alert;
  }

  return {
    hold(fingerprint) {
      known.delete(fingerprint);
      insert.run(fingerprint);
    },
    release(fingerprint) {
      known.delete(fingerprint);
      remove.run(fingerprint);
    },
    isHeld: (fingerprint) => select.get(fingerprint) !== undefined,
    nextHeld(limit) {
      const rows = following.all(last, limit);
      last = rows.length < limit ? "" : String(rows.at(-1)?.["fingerprint"]);
      return rows.flatMap((row) => {
        const fingerprint = String(row["fingerprint"]);
        const alert = read(fingerprint);
        if (alert === null) remove.run(fingerprint);
        return alert ?? [];
      });
    },
  };
}

type Upkeep = Pick<IncidentStore, "takeToldBefore" | "keepOnly">;

function upkeep({ sqlite }: Database): Upkeep {
  return {
    takeToldBefore() {
      const rows = sqlite
        .prepare("SELECT body FROM told_before JOIN alert USING (fingerprint)")
        .all();
      sqlite.exec("DELETE FROM told_before");
      return rows.flatMap(soundAlerts);
    },
    keepOnly(notifiers) {
      const names = JSON.stringify(notifiers);
      for (const table of ["incident", "member"])
        sqlite
          .prepare(`DELETE FROM ${table} WHERE notifier NOT IN (SELECT value FROM json_each(?))`)
          .run(names);
    },
  };
}

function nameOf(row: Row): IncidentName {
  return { notifier: String(row["notifier"]), key: String(row["key"]) };
}

/** Of one that is damaged it was told when alerts were loaded; here it must not hold up what is to be told of others. */
function soundAlerts(row: Row): Alert[] {
  try {
    return [decodeAlert(String(row["body"]))];
  } catch {
    return [];
  }
}
