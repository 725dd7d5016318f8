/** The coverage calendar: weeks as columns, Monday on top. Pure. */
import { addDays, daysBetween } from "@/format/times";
import type { StoredDay } from "@/types";

export interface Cell {
  day: string;
  stored?: StoredDay;
  /** 0 without data, 1 to 4 by coverage. */
  level: 0 | 1 | 2 | 3 | 4;
  isLookBack: boolean;
}

const DAYS_SHOWN = 365;
const WEEK = 7;

/** Monday 0 to Sunday 6. */
export function weekdayOf(day: string): number {
  return (new Date(day).getUTCDay() + 6) % WEEK;
}

function levelOf(stored: StoredDay | undefined): Cell["level"] {
  if (!stored || stored.coverage <= 0) return 0;
  if (stored.coverage < 0.5) return 1;
  if (stored.coverage < 0.9) return 2;
  return stored.coverage < 0.99 ? 3 : 4;
}

/** The weeks of the year that ends with `today`; null where a week sticks out of it. */
export function weeksOf(days: StoredDay[], today: string, lookBackDays: number): (Cell | null)[][] {
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
      return { day, stored, level: levelOf(stored), isLookBack: daysBetween(day, newest) < lookBackDays };
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
