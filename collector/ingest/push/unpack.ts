/** The body of a request as it was before it was packed, never larger than the bound. */
import { gunzipSync, inflateSync, zstdDecompressSync } from "node:zlib";
import { systemCode, WarpwatchError } from "../../../core/kit/errors.ts";

/** null: the coding is unknown. Throws FRAME_MALFORMED, or LIMIT_REACHED when it unpacks to more than the bound. */
export function unpack(body: Buffer, coding: string, maximumBytes: number): Buffer | null {
  const limit = { maxOutputLength: maximumBytes };
  try {
    if (coding === "" || coding === "identity") return body;
    if (coding === "zstd") return zstdDecompressSync(body, limit);
    if (coding === "gzip") return gunzipSync(body, limit);
    if (coding === "deflate") return inflateSync(body, limit);
    return null;
  } catch (cause) {
    if (systemCode(cause) === "ERR_BUFFER_TOO_LARGE")
      throw new WarpwatchError("LIMIT_REACHED", `the body unpacks to over ${maximumBytes} bytes`, {
        cause,
      });
    throw new WarpwatchError("FRAME_MALFORMED", `the body isn't the ${coding} it says it is`, {
      cause,
    });
  }
}
