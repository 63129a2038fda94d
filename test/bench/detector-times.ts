/** What each learned detector costs per watched series and sample, on one node of the synthetic fleet. */
import type { LearnedDetector } from "../../collector/detect/detector.ts";
import { createAnomalyDetector } from "../../collector/detect/learned/anomaly-detector.ts";
import { createFailureDetector } from "../../collector/detect/learned/failure-detector.ts";
import { createFindingBook } from "../../collector/detect/learned/finding.ts";
import { createForecastDetector } from "../../collector/detect/learned/forecast-detector.ts";
import { createFleet } from "../../simulator/fleet.ts";
import { playFleet } from "../kit/fleet-player.ts";

export interface DetectorTime {
  readonly detector: string;
  readonly series: number;
  readonly microsecondsPerSample: number;
  readonly snapshotBytesPerSeries: number;
}

const seconds = 600;

export async function timeDetectors(): Promise<DetectorTime[]> {
  const findings = createFindingBook();
  const detectors: LearnedDetector[] = [
    createAnomalyDetector({ findings }),
    createForecastDetector({ findings }),
    createFailureDetector({ findings }),
  ];
  const milliseconds = detectors.map(() => 0);
  const fleet = createFleet({ seed: 1, nodes: 1, model: "H100", startMilliseconds: 1.7e12 });
  await playFleet(fleet, seconds, {
    frame(state) {
      detectors.forEach((detector, index) => {
        const started = performance.now();
        detector.step(state);
        milliseconds[index] = (milliseconds[index] ?? 0) + performance.now() - started;
      });
    },
  });
  return detectors.map((detector, index) => ({
    detector: detector.name,
    series: detector.size.watched,
    microsecondsPerSample: ((milliseconds[index] ?? 0) * 1000) / seconds / detector.size.watched,
    snapshotBytesPerSeries: detector.snapshot().length / detector.size.watched,
  }));
}
