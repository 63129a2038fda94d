// Below the alerts: silences that aren't over, and maintenance windows.
// @ts-check
/** @import { MaintenanceOverview, SilenceOverview } from "../overview.ts" */
import { announce, expire } from "./actions.js";
import { byId, drawEach, element, setAttribute, setClass, setHidden, setText } from "./dom.js";
import { counted, lasting } from "./format.js";

/** As of alerts: nobody reads more, and the API has them all. */
const maximumCards = 200;

const when = new Intl.DateTimeFormat([], {
  weekday: "short",
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
});

/** @param {readonly SilenceOverview[]} silences @param {number} now */
export function drawSilences(silences, now) {
  setHidden(byId("silences-section"), silences.length === 0);
  setText(byId("silences-count"), silences.length > 0 ? String(silences.length) : "");
  drawEach(byId("silences"), silences.slice(0, maximumCards), {
    key: ({ id }) => id,
    make: makeSilence,
    update(card, silence) {
      card.silence = silence;
      const active = silence.state === "active";
      setClass(card.root, `card quieting${active ? "" : " pending"}`);
      setText(card.state, active ? `quiets ${counted(silence.alerts, "alert")}` : "not yet");
      setText(
        card.age,
        active
          ? `${lasting(silence.endsAtMilliseconds - now)} left`
          : `from ${when.format(silence.startsAtMilliseconds)}`,
      );
      setText(card.matchers, silence.matchers);
      setText(card.text, `${silence.createdBy}: ${silence.comment}`);
      setAttribute(card.expire, "aria-label", `Expire the silence ${silence.matchers}`);
    },
  });
}

/** @param {readonly MaintenanceOverview[]} windows @param {number} now */
export function drawMaintenance(windows, now) {
  setHidden(byId("maintenance-section"), windows.length === 0);
  drawEach(byId("maintenance"), windows, {
    key: ({ name }) => name,
    make: makeWindow,
    update(card, { comment, matchers, openUntilMilliseconds: until, nextAtMilliseconds: next }) {
      setClass(card.root, `card quieting${until === null ? " pending" : ""}`);
      setText(card.state, until === null ? "closed" : "open");
      const upcoming = next === null ? "never again" : `next ${when.format(next)}`;
      setText(card.age, until === null ? upcoming : `${lasting(until - now)} left`);
      setText(card.matchers, matchers);
      setText(card.text, comment);
      setHidden(card.text, comment === "");
    },
  });
}

/** @param {SilenceOverview} silence */
function makeSilence(silence) {
  const { root, state, age, matchers, text, foot } = makeCard();
  const button = element("button", "", ["Expire"]);
  button.setAttribute("type", "button");
  foot.append(button);
  const card = { root, state, age, matchers, text, expire: button, silence };
  button.addEventListener("click", () => {
    void expire(card.silence).then(({ ok, text: said }) =>
      announce(ok ? "The silence is over." : said),
    );
  });
  return card;
}

/** @param {MaintenanceOverview} window */
function makeWindow({ name }) {
  const card = makeCard();
  card.root.prepend(element("div", "name", [name]));
  return card;
}

function makeCard() {
  const state = element("span", "state");
  const age = element("span", "age");
  const matchers = element("code");
  const text = element("p", "quiet");
  const foot = element("div", "acts");
  const head = element("div", "head", [state, age]);
  return {
    root: element("li", "", [head, matchers, text, foot]),
    state,
    age,
    matchers,
    text,
    foot,
  };
}
