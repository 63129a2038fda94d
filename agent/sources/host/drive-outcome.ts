/** What is told of every drive beside what it says itself: whether it could be asked, and when. */
import { driveReadable, driveReadTime } from "../../../core/catalog/drive-health.ts";
import type { AddSample } from "./sample-reader.ts";
import type { Outcome } from "./sweep-reader.ts";

export function tellDriveOutcome(
  add: AddSample,
  device: string,
  { answered, answeredAt }: Outcome,
): void {
  add(driveReadable, { device }, answered ? 1 : 0);
  add(driveReadTime, { device }, answeredAt / 1000);
}
