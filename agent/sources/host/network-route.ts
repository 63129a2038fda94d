/** The kernel's routes, asked by rtnetlink(7) through the slow-kernel probe: those of the agent's own network namespace. */
import { routeCount, routeInfo } from "../../../core/catalog/routes.ts";
import type { RouteAnswer } from "../../probes/routes.ts";
import type { Source } from "../source.ts";
import { createSampleReader } from "./sample-reader.ts";

const timeoutMilliseconds = 5000;
/** linux/rtnetlink.h; who made a route is `unknown` for the rest. */
const protocols: Readonly<Record<number, string>> = {
  0: "unspec",
  1: "redirect",
  2: "kernel",
  3: "boot",
  4: "static",
  8: "gated",
  9: "ra",
  10: "mrt",
  11: "zebra",
  12: "bird",
  13: "dnrouted",
  14: "xorp",
  15: "ntk",
  16: "dhcp",
  17: "mrouted",
  42: "babel",
  186: "bgp",
  187: "isis",
  188: "ospf",
  189: "rip",
  192: "eigrp",
};

export const networkRouteSource: Source = {
  name: "network_route",
  metrics: [routeInfo, routeCount],
  sampling: "steady",
  async open({ probes }) {
    const ask = async (): Promise<RouteAnswer> =>
      (await probes.slowKernel.ask("routes", "routes", null, timeoutMilliseconds)) as RouteAnswer;
    let answer = await ask();
    const samples = createSampleReader((add) => {
      for (const { device, source, destination, gateway, ...route } of answer.routes)
        add(
          routeInfo,
          {
            device,
            src: source,
            dest: destination,
            gw: gateway,
            priority: String(route.priority),
            proto: protocols[route.protocol] ?? "unknown",
            weight: route.weight === null ? "" : String(route.weight),
          },
          1,
        );
      for (const device of Object.keys(answer.counts).sort())
        add(routeCount, { device }, answer.counts[device] ?? 0);
    });
    return {
      register: (slots) => samples.register(slots),
      async read(column, signal) {
        answer = await ask();
        return samples.read(column, signal);
      },
      close() {},
    };
  },
};
