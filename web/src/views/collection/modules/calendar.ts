/** The coverage calendar: weeks as columns, Monday on top. Pure. */
import { addDays, daysBetween } from "@/format/times";
import type { Collection, StoredDay } from "@/types";

export interface Cell {
  day: string;
  stored?: StoredDay;
  /** 0 not collected, 1 no rows, 2 below the threshold of coverage, 3 covered. */
  level: 0 | 1 | 2 | 3;
  isLookBack: boolean;
}

const DAYS_SHOWN = 365;
const WEEK = 7;

/** Monday 0 to Sunday 6. */
export function weekdayOf(day: string): number {
  return (new Date(day).getUTCDay() + 6) % WEEK;
}

/** By the one threshold that sizing, checkup and notifications have, too. */
export function levelOf(stored: Pick<StoredDay, "coverage" | "row_count"> | undefined, minCoverage: number): Cell["level"] {
  if (!stored) return 0;
  if (!stored.row_count) return 1;
  return stored.coverage < minCoverage ? 2 : 3;
}

/** The weeks of the year that ends with `today`; null where a week sticks out of it. */
export function weeksOf(days: StoredDay[], today: string, lookBackDays: number, minCoverage: number): (Cell | null)[][] {
  const byDay = new Map(days.map((stored) => [stored.day, stored]));
  const newest = days[0]?.day && days[0].day > today ? days[0].day : today;
  const first = addDays(newest, -DAYS_SHOWN + 1);
  const start = addDays(first, -weekdayOf(first));
  const count = Math.ceil((daysBetween(start, newest) + 1) / WEEK);
  return Array.from({ length: count }, (_, week) =>
    Array.from({ length: WEEK }, (_unused, weekday) => {
      const day = addDays(start, week * WEEK + weekday);
      if (day < first || day > newest) return null;
      const stored = byDay.get(day);
      return { day, stored, level: levelOf(stored, minCoverage), isLookBack: daysBetween(day, newest) < lookBackDays };
    }),
  );
}

/** Where each month's name goes: the first column that has its first week. */
export function monthColumns(weeks: (Cell | null)[][]): { column: number; month: string }[] {
  const found: { column: number; month: string }[] = [];
  weeks.forEach((week, column) => {
    const month = week.find((cell) => cell)?.day.slice(0, 7);
    if (month && month !== found.at(-1)?.month && (found.length === 0 || column - (found.at(-1)?.column ?? 0) > 2)) found.push({ column, month });
  });
  return found;
}

/** It has found no usage of any Deployment on any of its days. */
export function isEmptyRun(run: Pick<Collection, "days_done" | "days_empty">): boolean {
  return run.days_done > 0 && run.days_empty === run.days_done;
}
