/**
 * A call of the `slow-kernel` probe: the kernel's routes by rtnetlink(7). Older kernels list them under the lock that a
 * driver may hold while it starts its card anew.
 */
import { promisify } from "node:util";
import { readReply, routeRequest, type Route } from "./route-message.ts";

/** A way with its interface's name; empty where there is none of that number any more. */
export type NamedRoute = Omit<Route, "interfaceIndex"> & { readonly device: string };

export interface RouteAnswer {
  readonly routes: readonly NamedRoute[];
  /** How many there are over each interface, those too that are past the bound. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A router may have a million; nobody reads so many series. */
const maximumRoutes = 4000;
/** The kernel hands out at most 32 KiB at a time. */
const replyBytes = 65_536;
const nameBytes = 16;
/** AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE. */
const netlink = [16, 0x8_0003, 0] as const;

export async function askRoutes(): Promise<RouteAnswer> {
  const { default: koffi } = await import("koffi");
  const library = koffi.load(null);
  const socket = library.func("int socket(int family, int type, int protocol)");
  const close = library.func("int close(int descriptor)");
  const send = library.func("long send(int descriptor, void *bytes, size_t length, int flags)");
  const receive = library.func("long recv(int descriptor, void *bytes, size_t length, int flags)");
  const nameOf = library.func("void *if_indextoname(uint32_t index, void *name)");
  const descriptor = socket(...netlink) as number;
  if (descriptor < 0) throw new Error("no socket can be made to ask for routes with");
  try {
    const request = routeRequest();
    const reply = Buffer.alloc(replyBytes);
    const inThread = (call: typeof send, bytes: Buffer): Promise<number> =>
      promisify<number, Buffer, number, number, number>(call.async)(
        descriptor,
        bytes,
        bytes.length,
        0,
      );
    if ((await inThread(send, request)) !== request.length)
      throw new Error("the kernel can't be asked for its routes");
    const gathering = gather((index) => {
      const name = Buffer.alloc(nameBytes);
      nameOf(index, name);
      return name.toString("utf8", 0, name.indexOf(0));
    });
    for (let isLast = false; !isLast;) {
      const length = await inThread(receive, reply);
      if (length <= 0) throw new Error("the kernel's list of routes broke off");
      isLast = readReply(reply.subarray(0, length), gathering.add);
    }
    return gathering.answer;
  } finally {
    close(descriptor);
  }
}

function gather(nameOf: (index: number) => string): {
  readonly add: (route: Route) => void;
  readonly answer: RouteAnswer;
} {
  const routes: NamedRoute[] = [];
  const counts: Record<string, number> = {};
  const names = new Map<number, string>();
  return {
    answer: { routes, counts },
    add({ interfaceIndex, ...rest }) {
      const device = names.get(interfaceIndex) ?? nameOf(interfaceIndex);
      names.set(interfaceIndex, device);
      counts[device] = (counts[device] ?? 0) + 1;
      if (routes.length < maximumRoutes) routes.push({ ...rest, device });
    },
  };
}
