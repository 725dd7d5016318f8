import { describe, expect, test } from "vitest";
import { byParent, isTemporary, temporaryScales, untilText } from "@/components/acting/temporary";
import { backOf, emptyWhile, isWhole, minutesBetween, whileOf } from "@/components/acting/whiles";
import { bodyOf, emptyWish, namesOf, planKey } from "@/components/acting/wishes";
import type { Schedule } from "@/types";
import { backMinutes, emptyDraft } from "@/views/schedules/modules/drafts";
import { sortedAmount, withSorted } from "@/views/workloads/modules/useColumns";
import { firstOrder } from "@/views/workloads/modules/useWorkloadList";
import { workload } from "./samples";

const target = (deployment: string, temporary: number | null, back: number | null) => ({ namespace: "shop", deployment, temporary_replicas: temporary, returns_to: back });
const schedule = (given: Partial<Schedule>, workloads: ReturnType<typeof target>[] = []) => ({ schedule: "s", parent: null, state: "active", ...given, workloads }) as Schedule;
const WEB = [{ namespace: "shop", deployment: "web" }];

describe("temporary scales", () => {
  test("are told once for each pair of numbers", () => {
    const back = schedule({ parent: "sale" }, [target("web", 6, 3), target("cart", 6, 3), target("api", 6, 2), target("jobs", 6, null)]);
    expect(temporaryScales(back).map(({ names, now, then, count }) => [names, now, then, count])).toEqual([["web, cart", 6, 3, 2], ["shop/api", 6, 2, 1], ["shop/jobs", 6, null, 1]]);
  });

  test("of many workloads name three", () => {
    expect(namesOf(["a", "b", "c", "d", "e"].map((deployment) => ({ namespace: "n", deployment })))).toEqual({ names: "a, b, c", more: 2 });
    expect(namesOf(WEB, 7)).toEqual({ names: "web", more: 6 });
    expect(namesOf(WEB)).toEqual({ names: "shop/web", more: 0 });
  });

  test("say the time of today, and the date of another day", () => {
    const now = new Date(2026, 10, 26, 17, 5);
    expect(untilText(new Date(2026, 10, 26, 19, 55).toISOString(), now)).toBe("19:55");
    expect(untilText(new Date(2026, 10, 27, 0, 10).toISOString(), now)).toBe("2026-11-27 00:10");
  });

  test("are one row with the schedule that has begun them, and one of their own without it", () => {
    const sale = schedule({ schedule: "sale" });
    const [mine, lost] = [schedule({ schedule: "r1", parent: "sale" }), schedule({ schedule: "r2", parent: "gone" })];
    const { rows, returns } = byParent([sale, mine, lost]);
    expect(rows).toEqual([sale, lost]);
    expect(returns.get("sale")).toEqual([mine]);
    expect([sale, mine, { ...mine, state: "over" as const }].map(isTemporary)).toEqual([false, true, false]);
  });
});

describe("how long a scale lasts", () => {
  test("is asked in minutes, in hours, or until a time of the zone", () => {
    expect(backOf({ unit: "minutes", amount: 45, until: "" }, "UTC")).toEqual({ return_after_minutes: 45, return_at: "", time_zone: "" });
    expect(backOf({ unit: "hours", amount: 2, until: "x" }, "UTC")).toMatchObject({ return_after_minutes: 120, return_at: "" });
    expect(backOf({ unit: "until", amount: 2, until: "2026-11-26T19:55" }, "Asia/Shanghai")).toEqual({ return_after_minutes: 0, return_at: "2026-11-26T19:55", time_zone: "Asia/Shanghai" });
  });

  test("is read back as people say it, and is not whole without its time", () => {
    expect([120, 90, 60].map((minutes) => whileOf(minutes)).map(({ unit, amount }) => `${amount} ${unit}`)).toEqual(["2 hours", "90 minutes", "1 hours"]);
    expect([{ ...emptyWhile(), unit: "until" as const }, emptyWhile()].map(isWhole)).toEqual([false, true]);
  });

  test("goes with a scale for a while, and with nothing else", () => {
    const wish = emptyWish("temporary", 6);
    expect(bodyOf(wish, WEB, false)).toMatchObject({ kind: "scale", replicas: 6, return_after_minutes: 120 });
    expect(bodyOf({ ...wish, goal: "number" }, WEB, false)).toMatchObject({ replicas: 6, return_after_minutes: 0 });
    expect(bodyOf({ ...wish, kind: "restart" }, WEB, false)).toMatchObject({ replicas: null, return_after_minutes: 0 });
    expect(planKey({ ...wish, back: { ...wish.back, amount: 3 } }, WEB)).not.toBe(planKey(wish, WEB));
  });

  test("of a schedule counts from its time, and what comes again has no end of its own", () => {
    expect(minutesBetween("2026-11-26T23:30", "2026-11-27T01:00")).toBe(90);
    const until = { ...emptyDraft("UTC"), back: { unit: "until" as const, amount: 1, until: "2026-11-27T01:00" } };
    expect(backMinutes({ ...until, when: "once", at: "2026-11-26T23:30" })).toBe(90);
    expect(backMinutes({ ...until, when: "once", at: "2026-11-27T02:00" })).toBeLessThan(0);
    expect(backMinutes({ ...until, when: "again" })).toBe(0);
  });
});

describe("what the list is sorted by", () => {
  test("numbers begin with the greatest, names with A", () => {
    expect([firstOrder("name"), firstOrder("cpu_waste"), firstOrder("cpu_saved"), firstOrder("edited_at")]).toEqual(["asc", "desc", "desc", "desc"]);
  });

  test("is a column: one there is, or one of its own", () => {
    expect([...withSorted(new Set(["mode"]), "edited_at")]).toEqual(["mode", "edited"]);
    expect([...withSorted(new Set(["mode"]), "cpu_waste")]).toEqual(["mode"]);
    const row = workload({ cpu_requested_millicores: 500, cpu_used_millicores: 900, cpu_asked_millicores: 2000, cpu_running_millicores: 500, memory_asked_bytes: null });
    expect([sortedAmount(row, "cpu_waste"), sortedAmount(row, "cpu_saved"), sortedAmount(row, "memory_saved"), sortedAmount(row, "cpu_used")]).toEqual([-400, 1500, null, undefined]);
  });
});
