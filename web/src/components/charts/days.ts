/** An axis of days: every day of a stretch, and which of them are written. Pure. */
import { addDays, daysBetween } from "@/format/times";

/** Beyond this, the axis names months. */
const MONTHS_FROM = 120;

/** Every day of the stretch, so that a day without data is a gap and not a straight line. */
export function daysOf(first: string, last: string): string[] {
  return Array.from({ length: Math.max(0, daysBetween(first, last) + 1) }, (_, index) => addDays(first, index));
}

/** For the `axisLabel` of a category axis: month and day, or the first of each month with its year. */
export function dayLabels(count: number) {
  if (count <= MONTHS_FROM) return { hideOverlap: true, formatter: (day: string) => day.slice(5) };
  return { hideOverlap: true, interval: (_: number, day: string) => day.endsWith("-01"), formatter: (day: string) => day.slice(0, 7) };
}
