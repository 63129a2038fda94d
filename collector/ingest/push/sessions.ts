/** What the collector remembers of each sender to read its next request: the decoder with schema and last column. Bounded. */
import { createFrameDecoder, type FrameDecoder } from "../../../core/wire/frame-codec.ts";
import { malformed } from "../../../core/wire/bytes.ts";
import type { Frame } from "../../../core/wire/frame.ts";

export interface SessionLimits {
  readonly sessions: number;
  /** Of all sessions together; the one that was silent longest goes first. */
  readonly series: number;
  readonly seriesPerSchema: number;
}

export interface Sessions {
  readonly size: number;
  /** Hands on the frame of the message at `offset`, if it holds one; returns the offset behind it. Throws FRAME_MALFORMED; the session is then forgotten. */
  read(name: string, body: Buffer, offset: number, accept: (frame: Frame) => void): number;
  /** False while another request of the session is being read; true must be followed by `release`. */
  claim(name: string): boolean;
  release(name: string): void;
  /** Whether the session has a schema to read differences by. */
  has(name: string): boolean;
  forget(name: string): void;
}

interface Session {
  readonly decoder: FrameDecoder;
  series: number;
}

export function createSessions(limits: SessionLimits): Sessions {
  const sessions = new Map<string, Session>();
  const claimed = new Set<string>();
  let series = 0;

  function forget(name: string): void {
    series -= sessions.get(name)?.series ?? 0;
    sessions.delete(name);
  }

  /** The longest unused stands first. */
  function touch(name: string): Session {
    const session = sessions.get(name) ?? {
      decoder: createFrameDecoder({ streams: 1, series: limits.seriesPerSchema }),
      series: 0,
    };
    sessions.delete(name);
    sessions.set(name, session);
    return session;
  }

  function makeRoom(): void {
    while (sessions.size > 1 && (sessions.size > limits.sessions || series > limits.series)) {
      const oldest = sessions.keys().next();
      if (oldest.done === true) return;
      forget(oldest.value);
    }
  }

  return {
    get size() {
      return sessions.size;
    },
    has: (name) => sessions.has(name),
    forget,
    claim(name) {
      if (claimed.has(name)) return false;
      claimed.add(name);
      return true;
    },
    release(name) {
      claimed.delete(name);
      makeRoom();
    },
    read(name, body, offset, accept) {
      const session = touch(name);
      try {
        const end = session.decoder.decodeOne(body, offset, (frame) => {
          series += frame.schema.series.length - session.series;
          session.series = frame.schema.series.length;
          accept(frame);
        });
        if (end === offset) throw malformed("the request ends within a message");
        return end;
      } catch (thrown) {
        forget(name);
        throw thrown;
      }
    },
  };
}
