import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("counts deferred work by kind, under the numbers that the heading gives the processors", async () => {
  const driven = await drive(sourceNamed("softirqs"), {
    "proc/softirqs":
      "                    CPU0       CPU3       \n          HI:          1          0\n      NET_RX:     299062     331177\nbroken\n     TASKLET:          x          2\n",
  });
  expect(Object.fromEntries(await driven.read())).toEqual({
    'node_softirqs_functions_total{cpu="0",type="HI"}': 1,
    'node_softirqs_functions_total{cpu="3",type="HI"}': 0,
    'node_softirqs_functions_total{cpu="0",type="NET_RX"}': 299_062,
    'node_softirqs_functions_total{cpu="3",type="NET_RX"}': 331_177,
    'node_softirqs_functions_total{cpu="3",type="TASKLET"}': 2,
  });
});
