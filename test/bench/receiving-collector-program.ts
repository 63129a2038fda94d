/** A collector's remote-write route with the rules behind it, and the journal where a folder is given: says its address and serves. */
import { createRemoteWriteRoute } from "../../collector/api/remote-write-route.ts";
import { startApiServer } from "../../collector/api/server.ts";
import { benchToken, openReceiving } from "./remote-write-feed.ts";

const folder = process.argv[2] ?? "";
const { receiver, settings, shared } = openReceiving(folder === "" ? null : folder);
const server = await startApiServer({
  ...shared,
  listen: { host: "127.0.0.1", port: 0 },
  hostNames: [],
  token: benchToken,
  routes: [createRemoteWriteRoute(receiver, settings.bodyLimitBytes)],
});
process.stdout.write(`${server.address}\n`);
