/**
 * Many targets in one cheap process: every address of 127.0.1.0/24 answers with a node's next page, made before.
 * `/count` says how many pages went out, `/again` begins anew. Its only argument are the settings as JSON; it says when it listens.
 */
import { createServer, type Socket } from "node:net";
import { makeNodePages } from "./scrape-pages.ts";

const { port, series, pages } = JSON.parse(process.argv[2] ?? "{}") as {
  port: number;
  series: number;
  pages: number;
};
/** Nodes didn't start in the same second. */
const spread = 32;
const endOfRequest = Buffer.from("\r\n\r\n");

const { answers, ...sizes } = await makeNodePages(series, pages);
const cursors = new Map<string, number>();
let served = 0;

const server = createServer((socket) => {
  socket.setNoDelay(true);
  let begun: Buffer = Buffer.alloc(0);
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk) => {
    begun = begun.length === 0 ? chunk : Buffer.concat([begun, chunk]);
    for (;;) {
      const end = begun.indexOf(endOfRequest);
      if (end === -1) return;
      answer(socket, begun.toString("latin1", 0, begun.indexOf(0x0d)));
      begun = begun.subarray(end + endOfRequest.length);
    }
  });
});
server.listen(port, "0.0.0.0", () => process.stdout.write("listening\n"));
process.once("SIGTERM", () => process.exit());

function answer(socket: Socket, request: string): void {
  if (request.startsWith("GET /metrics")) {
    const target = socket.localAddress ?? "";
    const cursor = cursors.get(target) ?? Number(target.split(".").at(-1)) % spread;
    cursors.set(target, cursor + 1);
    served += 1;
    socket.write(answers[cursor % answers.length] ?? "");
    return;
  }
  if (request.startsWith("GET /again")) {
    cursors.clear();
    served = 0;
  }
  const body = JSON.stringify({ served, ...sizes });
  socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
}
