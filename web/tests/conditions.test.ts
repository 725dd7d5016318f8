import { mount } from "@vue/test-utils";
import { describe, expect, test } from "vitest";
import HowLong from "@/components/conditions/HowLong.vue";
import { bodiesOf, choicesOf, dayAfter, endOfDay, MOST_WORKLOADS } from "@/components/conditions/accepting";
import { acceptableTypes, CONDITION_TYPES, fieldsByContainer, groupsOf, isWithholding, replicasWithheldBy, sentenceKey, sentenceValues, spaced, withheldBy } from "@/format/conditions";
import { i18n } from "@/locales";
import en from "@/locales/en";
import zh from "@/locales/zh-CN";
import ConditionsCell from "@/views/workloads/modules/ConditionsCell.vue";
import { workloadsCsv } from "@/views/workloads/modules/exporting";
// tests/unit/sizing/test_condition_reasons.py holds the list against the code.
import SAID from "./condition-reasons.json";
import { condition, container, workload } from "./samples";

type Sentences = Record<string, Record<string, string>>;
const LOCALES = { en: en.condition, "zh-CN": zh.condition };
i18n.global.setLocaleMessage("zh-CN", zh);

const valuesOf = (parameters: string[]) => Object.fromEntries(parameters.map((name) => [name, name === "resource" ? "cpu" : name === "field" ? "memory request" : `<${name}>`]));

describe.each(Object.entries(LOCALES))("%s", (locale, { name, sentence }) => {
  test("every type has a name", () => expect(CONDITION_TYPES.filter((type) => !(name as Record<string, string>)[type])).toEqual([]));

  test.each(SAID.map((one) => [one.type, one.reason, one.parameters] as const))("%s, %s has a sentence that says only what there is", (type, reason, parameters) => {
    const given = valuesOf(parameters);
    const variants = [given, ...("limit" in given ? [{ ...given, limit: "none" }] : []), ...(["LargeChange", "ShortHistory"].includes(type) ? [{ ...given, container: "" }] : [])];
    for (const values of variants) {
      const said = { type, reason, parameters: values };
      const [first = "", second = ""] = sentenceKey(said).split(".");
      const template = (sentence as Sentences)[first]?.[second] ?? "";
      const known = Object.keys(sentenceValues(said, (key) => key, String));
      expect(template).not.toBe("");
      expect([...template.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).filter((one) => !known.includes(one ?? ""))).toEqual([]);
      if (locale === "zh-CN") expect(template).toMatch(/[\u4e00-\u9fff]/);
    }
  });
});

test("the list of the pages knows every type", () => expect([...new Set(SAID.map((one) => one.type))].sort()).toEqual([...CONDITION_TYPES].sort()));

test("a sentence names resources and shares in the reader's words", () => {
  const t = (key: string) => ({ "condition.field.memory_request": "内存请求" })[key] ?? key;
  expect(sentenceValues({ type: "NodeTooSmall", parameters: { resource: "memory" } }, t, String)).toMatchObject({ request: "内存请求" });
  expect(sentenceValues({ type: "LowCoverage", parameters: { share: 0.42, wanted: 0.8 } }, t, (share) => `${share * 100}%`)).toMatchObject({ share: "42%", wanted: "80%" });
  expect(sentenceValues({ type: "ShortHistory", parameters: { wanted: 3 } }, t, () => "")).toMatchObject({ wanted: 3 });
  expect(spaced("以CPU 请求的 60%为目标")).toBe("以 CPU 请求的 60% 为目标");
});

test("conditions of one type are one, what withholds comes first and what is only told last", () => {
  const told = condition({ type: "Imbalanced", withholds: [], is_acceptable: false });
  const accepted = condition({ type: "LowCoverage", is_accepted: true });
  const killed = [condition({ type: "OOMKilled" }), condition({ type: "OOMKilled" })];
  const groups = groupsOf([told, accepted, ...killed]);
  expect(groups.map((group) => [group.type, group.conditions.length, isWithholding(group)])).toEqual([["OOMKilled", 2, true], ["LowCoverage", 1, false], ["Imbalanced", 1, false]]);
  expect(acceptableTypes([told, accepted, ...killed])).toEqual(["OOMKilled"]);
});

test("withheld fields are named once for each container", () => {
  const withholds = [{ container: "a", field: "x" }, { container: "", field: "replicas" }, { container: "a", field: "x" }, { container: "a", field: "y" }];
  expect(fieldsByContainer(withholds)).toEqual([["a", ["x", "y"]], ["", ["replicas"]]]);
});

test("what a person set is not withheld, and neither are an HPA's replicas", () => {
  const withheld = { cpu_request_millicores: ["ShortHistory"], cpu_limit_millicores: ["VerticalPodAutoscaler"] };
  expect(withheldBy(container({ withheld }), "cpu_request_millicores")).toEqual(["ShortHistory"]);
  expect(withheldBy(container({ withheld, manual_cpu_request_millicores: 5 }), "cpu_request_millicores")).toEqual([]);
  expect(withheldBy(container({ withheld, collected_cpu_limit_millicores: null }), "cpu_limit_millicores")).toEqual([]);
  expect(replicasWithheldBy(workload({ withheld_replicas: ["ShortHistory"] }))).toEqual(["ShortHistory"]);
  expect(replicasWithheldBy(workload({ withheld_replicas: ["ShortHistory"], hpa: true }))).toEqual([]);
});

describe("accepting", () => {
  const short = workload({ conditions: [condition()] });
  const killed = workload({ deployment: "api", conditions: [condition(), condition({ type: "OOMKilled" }), condition({ type: "NodeTooSmall", is_acceptable: false })] });
  const fine = workload({ deployment: "web" });

  test("only what can be accepted is a choice, the most frequent first", () => {
    expect(choicesOf([killed, short, fine])).toEqual([{ type: "ShortHistory", workloads: 2 }, { type: "OOMKilled", workloads: 1 }]);
  });

  test("of each workload exactly what it was shown to have is accepted", () => {
    const bodies = bodiesOf([killed, short, fine], { types: ["ShortHistory", "OOMKilled"], until: null, note: " fine " });
    expect(bodies).toEqual([
      { workloads: [{ namespace: "shop", deployment: "api" }], conditions: ["OOMKilled", "ShortHistory"], until: null, note: "fine", accepted: true },
      { workloads: [{ namespace: "shop", deployment: "cart" }], conditions: ["ShortHistory"], until: null, note: "fine", accepted: true },
    ]);
    expect(bodiesOf([killed, short], { types: [], until: null, note: "" })).toEqual([]);
  });

  test("more than one request takes are sent in pieces", () => {
    const many = Array.from({ length: MOST_WORKLOADS + 1 }, (_, index) => workload({ deployment: `web-${index}`, conditions: [condition()] }));
    expect(bodiesOf(many, { types: ["ShortHistory"], until: null, note: "" }).map((body) => body.workloads.length)).toEqual([MOST_WORKLOADS, 1]);
  });

  test("a day counts to its end, here", () => {
    expect(new Date(endOfDay("2026-12-31") ?? 0).getHours()).toBe(23);
    expect(endOfDay("soon")).toBeNull();
    expect(dayAfter(new Date(2026, 11, 31, 12).getTime(), 1)).toBe("2027-01-01");
  });

  test("a day that is past is said, and is no end", async () => {
    const shown = mount(HowLong, { props: { modelValue: endOfDay(dayAfter(Date.now(), 1)), problem: "" } });
    await shown.find('input[type="date"]').setValue("2020-01-01");
    expect(shown.emitted("update:modelValue")?.at(-1)).toEqual([""]);
    await shown.setProps({ modelValue: "" });
    expect(shown.find('[role="alert"]').text()).toBe("This day is past.");
  });
});

test("the list shows three tags, and counts the rest", () => {
  const conditions = (["ShortHistory", "OOMKilled", "LowCoverage", "PartialData"] as const).map((type) => condition({ type }));
  const shown = mount(ConditionsCell, { props: { conditions } });
  expect(shown.findAll(".tag").map((tag) => tag.text())).toEqual(["Short history", "OOM-killed", "Low coverage"]);
  expect(shown.text()).toContain("and 1 more");
  expect(shown.find(".tag").attributes("title")).toBe("Short history: There are 2 whole days of usage.");
  expect(mount(ConditionsCell, { props: { conditions: [] } }).text()).toBe("–");
});

test("an export has types of conditions and withheld fields", () => {
  const row = workload({ conditions: [condition(), condition({ type: "OOMKilled" })], withheld_replicas: ["ShortHistory"], containers: [container({ withheld: { cpu_request_millicores: ["ShortHistory"] } })] });
  expect(workloadsCsv([row])).toContain("ShortHistory; OOMKilled,replicas; cpu_request_millicores");
});
