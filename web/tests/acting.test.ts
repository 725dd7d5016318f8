import { afterEach, describe, expect, test, vi } from "vitest";
import * as api from "@/api";
import { bodyOf, changesOf, emptyWish, planKey, sorted, wishOf } from "@/components/acting/wishes";
import { emptyWhile } from "@/components/acting/whiles";
import { cronWords, fieldsOf } from "@/format/cron";
import { localTime, zonedTime, zoneNames } from "@/format/zones";
import { i18n } from "@/locales";
import zh from "@/locales/zh-CN";
import { unsaid } from "@/locales/sentences";
import type { ActionDetail, Planned, Schedule } from "@/types";
import { bodyOf as scheduleBody, chosen, draftOf, emptyDraft, fieldOf } from "@/views/schedules/modules/drafts";

const ONE = { namespace: "shop", deployment: "web" };
const WEB = [ONE];
const planned = (given: Partial<Planned>): Planned => ({
  namespace: "shop", deployment: "web", verdict: "will", reason: "", reason_said: unsaid(""), replicas_before: 3, replicas_after: 3, restarts: true, changes: [], warnings: [], warnings_said: [], busy_with: null, kills: false, ...given,
});

describe("wishes", () => {
  test("a number is sent only where it is a scale to a number", () => {
    const wish = { ...emptyWish("scale", 7), goal: "number" as const };
    expect(bodyOf(wish, WEB, false).replicas).toBe(7);
    expect(bodyOf({ ...wish, goal: "control" }, WEB, false).replicas).toBeNull();
    expect(bodyOf({ ...wish, kind: "restart" }, WEB, false).replicas).toBeNull();
    expect(bodyOf({ ...wish, kind: "restore" }, WEB, false)).toMatchObject({ kind: "restore", replicas: null });
  });

  test("a dry run holds for another interval, but not for another number", () => {
    const wish = { ...emptyWish("scale"), goal: "number" as const };
    expect(planKey({ ...wish, intervalSeconds: 30, note: "why" }, WEB)).toBe(planKey(wish, WEB));
    expect(planKey({ ...wish, replicas: 2 }, WEB)).not.toBe(planKey(wish, WEB));
  });

  test("what is refused is seen first", () => {
    const all = [planned({ verdict: "nothing" }), planned({ verdict: "will" }), planned({ verdict: "refused" })];
    expect(sorted(all).map((one) => one.verdict)).toEqual(["refused", "will", "nothing"]);
  });

  test("replicas that stay are no change", () => {
    const change = { container: "app", field: "cpu request", before: "2", after: "640m" };
    expect(changesOf(planned({ changes: [change] }))).toEqual({ before: { "app cpu request": "2" }, after: { "app cpu request": "640m" } });
    expect(changesOf(planned({ replicas_before: 3, replicas_after: 5 }))).toEqual({ before: { replicas: "3" }, after: { replicas: "5" } });
  });

  test("an action that is gone on with is done the same way", () => {
    const action = { kind: "scale", replicas: 4, at_once: 3, interval_seconds: 20, order: "name", stop_on_failure: false, deadline_seconds: 300, note: "sale" } as ActionDetail;
    expect(wishOf(action)).toEqual({ kind: "scale", goal: "number", replicas: 4, atOnce: 3, intervalSeconds: 20, order: "name", stopOnFailure: false, deadlineMinutes: 5, note: "sale", back: emptyWhile() });
  });
});

const say = (locale: string) => (key: string, values?: Record<string, string | number>) => i18n.global.t(`cron.${key}`, values ?? {}, { locale });

describe("cron in words", () => {
  i18n.global.setLocaleMessage("zh-CN", zh);

  test.each([
    ["0 3 * * *", "every day at 03:00", "每天 03:00"],
    ["30 8,20 * * 1-5", "every Monday to Friday at 08:30 and 20:30", "每周一至周五 08:30和20:30"],
    ["*/15 9-17 * * mon,wed", "every Monday and Wednesday every 15 minutes, in the hours 9–17", "每周一和周三 每 15 分钟（9–17 时内）"],
    ["5 * * * *", "every day at minute 5 of every hour", "每天 每小时的第 5 分"],
    ["0 */6 * * *", "every day at minute 0 of every 6th hour", "每天 每 6 小时的第 0 分"],
    ["0 0 1 jan,jul *", "on day 1 of the month at 00:00 in January and July", "一月和七月的每月 1 日 00:00"],
    ["0 0 1 * 1", "on day 1 of the month, or on Monday at 00:00", "每月 1 日或每周一 00:00"],
    ["0 0 */10 * 5", "on day 1, 11, 21, and 31 of the month, or on Friday at 00:00", "每月 1、11、21和31 日或每周五 00:00"],
    ["0 0 1,* * 5", "every Friday at 00:00", "每周五 00:00"],
    ["0 0 13 * */3", "on day 13 of the month, or on Sunday, Wednesday, and Saturday at 00:00", "每月 13 日或每周日、周三和周六 00:00"],
    ["@hourly", "every day at minute 0 of every hour", "每天 每小时的第 0 分"],
  ])("%s", (cron, english, chinese) => {
    expect(cronWords(cron, "en", say("en"))).toBe(english);
    expect(cronWords(cron, "zh-CN", say("zh-CN"))).toBe(chinese);
  });

  test.each(["", "0 3 * *", "61 * * * *", "* * * * 7", "0 0 5-2 * *", "0/0 * * * *", "a b c d e"])("%s is not explained", (cron) => expect(fieldsOf(cron)).toBeUndefined());
});

describe("zones", () => {
  test("a time is shown in its zone, not in the browser's", () => {
    expect(localTime("2026-11-24T19:00:00Z", "Asia/Shanghai")).toBe("2026-11-25T03:00");
    expect(zonedTime("2026-11-24T19:00:00Z", "Asia/Shanghai", "en")).toBe("Wed 2026-11-25 03:00");
    expect(zonedTime("2026-11-24T19:00:00Z", "Nowhere/Town", "en")).toBe("Tue 2026-11-24 19:00 UTC");
  });

  test("UTC is among the zones", () => expect(zoneNames()).toContain("UTC"));
});

describe("a schedule's form", () => {
  const draft = { ...emptyDraft("UTC"), name: " nightly ", targets: [{ ...ONE, replicas: 4 }] };

  test("what does not belong to the kind is not sent", () => {
    expect(scheduleBody(draft)).toMatchObject({ name: "nightly", kind: "restart", replicas: null, workloads: WEB, cron: "0 3 * * *", at: "", return_after_minutes: 0 });
    const temporary = scheduleBody({ ...draft, kind: "temporary", replicas: 9, back: { unit: "minutes", amount: 30, until: "" }, when: "once", at: "2026-12-01T08:00" });
    expect(temporary).toMatchObject({ kind: "scale", replicas: 9, workloads: draft.targets, cron: "", at: "2026-12-01T08:00", return_after_minutes: 30 });
  });

  test("a schedule that is changed keeps what nobody changed", () => {
    const kept = { workloads: [{ ...ONE, replicas: 4, returns_to: null }], at: "2026-12-01T00:00:00Z", cron: null, time_zone: "Asia/Shanghai", return_after_minutes: 30, replicas: 9 };
    const schedule = { ...kept, name: "sale", kind: "scale", at_once: 1, interval_seconds: 0, order: "given", stop_on_failure: true, deadline_seconds: 600, note: "" } as unknown as Schedule;
    expect(scheduleBody(draftOf(schedule))).toMatchObject({ name: "sale", kind: "scale", replicas: 9, at: "2026-12-01T08:00", cron: "", return_after_minutes: 30, workloads: [{ ...ONE, replicas: 4 }] });
  });

  test("a workload that stays chosen keeps its own number", () => {
    expect(chosen(["shop/web", "shop/api"], draft.targets)).toEqual([{ ...ONE, replicas: 4 }, { namespace: "shop", deployment: "api" }]);
  });

  test.each([["time_zone", "zone"], ["workloads.3", "targets"], ["cron", "cron"], ["version", ""]])("what the API says of %s is shown at %s", (named, field) => expect(fieldOf(named)).toBe(field));
});

describe("an action that is followed", () => {
  afterEach(() => vi.unstubAllGlobals());
  const heard = async () => {
    const states: string[] = [];
    for await (const action of api.followAction("a1", new AbortController().signal)) states.push(action.state);
    return states;
  };
  const answer = (pieces: string[], end: (controller: ReadableStreamDefaultController) => void) => {
    const queue = pieces.map((piece) => new TextEncoder().encode(piece));
    const pull = (controller: ReadableStreamDefaultController) => (queue.length ? controller.enqueue(queue.shift()) : end(controller));
    vi.stubGlobal("fetch", () => Promise.resolve(new Response(new ReadableStream({ pull }))));
  };

  test("is heard line by line, however the lines are cut", async () => {
    answer(['{"state":"run', 'ning"}\n{"state":"running"}\n', '{"state":"finished"}\n'], (controller) => controller.close());
    expect(await heard()).toEqual(["running", "running", "finished"]);
  });

  test("ends without an error when the connection is lost", async () => {
    answer(['{"state":"running"}\n{"sta'], (controller) => controller.error(new Error("lost")));
    expect(await heard()).toEqual(["running"]);
  });
});
