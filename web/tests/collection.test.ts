import { describe, expect, test } from "vitest";
import { unsaid } from "@/locales/sentences";
import type { Check, StoredDay } from "@/types";
import { isEmptyRun, levelOf, monthColumns, weekdayOf, weeksOf } from "@/views/collection/modules/calendar";
import { grouped, isWorthKnowing } from "@/views/checkup/modules/grouping";

const stored = (day: string, coverage: number): StoredDay => ({
  day, windows: "10:00-11:30", row_count: 49, coverage, is_partial: false, warnings: [], warnings_said: [], seconds: 0.1, finished_at: "2026-11-24T04:00:00Z", is_taken_over: false,
});

describe("weeksOf", () => {
  const weeks = weeksOf([stored("2026-11-24", 1), stored("2026-11-23", 0.4)], "2026-11-24", 10, 0.8);
  const cells = weeks.flat().filter((cell) => cell !== null);

  test("has a year of days, each in its weekday's row", () => {
    expect(cells).toHaveLength(365);
    expect(cells.at(-1)?.day).toBe("2026-11-24");
    weeks.forEach((week) => week.forEach((cell, row) => cell && expect(weekdayOf(cell.day)).toBe(row)));
  });

  test("shows how much of a day is there", () => {
    expect(cells.slice(-3).map((cell) => cell.level)).toEqual([0, 2, 3]);
  });

  test("judges coverage by one threshold, and a day without rows by that", () => {
    expect([0.79, 0.8, 0.89, 1].map((coverage) => levelOf({ coverage, row_count: 9 }, 0.8))).toEqual([2, 3, 3, 3]);
    expect(levelOf({ coverage: 0.89, row_count: 9 }, 0.9)).toBe(2);
    expect(levelOf({ coverage: 1, row_count: 0 }, 0.8)).toBe(1);
  });

  test("tells a collection that found nothing from one that found something", () => {
    expect([[0, 0], [3, 3], [3, 1]].map(([done = 0, empty = 0]) => isEmptyRun({ days_done: done, days_empty: empty }))).toEqual([false, true, false]);
  });

  test("marks the look-back", () => expect(cells.filter((cell) => cell.isLookBack)).toHaveLength(10));

  test("names months from left to right, no two on one another", () => {
    const columns = monthColumns(weeks).map((month) => month.column);
    expect(columns.every((column, index) => index === 0 || column - (columns[index - 1] ?? 0) > 2)).toBe(true);
  });
});

const check = (given: Partial<Check>): Check => ({ name: "", name_said: unsaid(""), ok: true, detail: "", detail_said: unsaid(""), remedy: "", remedy_said: unsaid(""), ...given });

test("a check that is fine is worth knowing where it says what is lost", () => {
  const lost = { detail_said: { ...unsaid(""), code: "checkup.no_series_optional" }, remedy: "without it" };
  expect([check(lost), check({ ...lost, ok: false }), check({ remedy: "do" })].map(isWorthKnowing)).toEqual([true, false, false]);
});

test("checks are grouped by what they are about, in the order they come", () => {
  const codes = ["checkup.store", "checkup.usage_source", "", "checkup.usage_days", "checkup.cluster", "checkup.permission", "checkup.switch", "checkup.native_door", "checkup.parameters", "checkup.certificate"];
  const groups = grouped(codes.map((code) => check({ name_said: { ...unsaid(""), code } })));
  expect(groups.map((group) => [group.name, group.checks.length])).toEqual([["store", 1], ["usage", 2], ["collection", 1], ["cluster", 2], ["door", 4]]);
});
