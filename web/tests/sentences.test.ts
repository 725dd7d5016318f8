import { afterEach, beforeEach, expect, test } from "vitest";
import { say, sentences, unsaid, type Said } from "@/locales/sentences";
import { sentences as chinese } from "@/locales/zh-CN/sentences";

const said = (code: string, parameters: Said["parameters"] = {}, text = "as the server says it"): Said => ({ code, parameters, text });

beforeEach(() => void (sentences.value = chinese));
afterEach(() => void (sentences.value = {}));

test("a sentence is made from its code and its parameters", () => {
  expect(say(said("operations.pods_new", { new: 1, pods: 3 }))).toBe("3 个 Pod 中 1 个是新的");
});

test("a sentence inside a sentence is said in Chinese, too", () => {
  const progress = said("operations.pods_new", { new: 1, pods: 3 });
  const words = said("operations.not_healthy", { seconds: 600, progress });
  expect(say(said("common.about", { subject: "shop/web", words }))).toBe("shop/web：已修改，但在 600 秒内未健康：3 个 Pod 中 1 个是新的");
});

test("what somebody else says stands in it as it came", () => {
  expect(say(said("operations.not_touched", { reason: unsaid("exceeded quota: pods") }))).toBe("未动：exceeded quota: pods");
});

test("in English, and where a code is not known here, the server's own text is shown", () => {
  expect(say(said("of.a_newer_version"))).toBe("as the server says it");
  expect(say(unsaid("from an older record"))).toBe("from an older record");
  sentences.value = {};
  expect(say(said("operations.no_pods"))).toBe("as the server says it");
  expect([say(undefined), say(null)]).toEqual(["", ""]);
});

test("what the door has changed is named in Chinese, and a container keeps its name", () => {
  expect(say(said("door.requests_collected", { container: "memory", changes: "cpu 1 -> 500m, memory 2Gi -> 1Gi" }))).toBe("memory 的请求：CPU 1 -> 500m, 内存 2Gi -> 1Gi（采集值）");
  expect(say(said("door.from_nothing", { resource: "cpu", after: "1" }))).toBe("CPU 未设置 -> 1");
});

test("times among the values are written for people, in English too", () => {
  sentences.value = {};
  expect(say(said("schedules.past", { text: "2026-11-24T18:30", zone: "UTC" }, "2026-11-24T18:30 in UTC is past"))).toBe("2026-11-24 18:30 in UTC is past");
});

test("a value that is not given stays visible", () => expect(say(said("operations.gone"))).toContain("{workload}"));

test("every text is Chinese, or a name", () => {
  const names = Object.entries(chinese).filter(([, text]) => !/[\u4e00-\u9fff]/.test(text) && /[a-z]{3}/i.test(text.replace(/\{\w+\}/g, "")));
  expect(names.map(([code]) => code)).toEqual(["name.cpu", "checkup.prometheus", "checkup.kubernetes", "collection.of_prometheus", "sizing.cpu"]);
});
