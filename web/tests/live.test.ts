import { flushPromises, mount } from "@vue/test-utils";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { defineComponent, effectScope, h, shallowRef } from "vue";
import { ApiError } from "@/api/client";
import AppTime from "@/components/AppTime.vue";
import { REFRESH_MS, useFresh } from "@/composables/useFresh";
import { useResource } from "@/composables/useResource";
import { controlText, replicasNow } from "@/format/live";
import { ago } from "@/format/times";
import en from "@/locales/en";
import zh from "@/locales/zh-CN";
import { findingsOf } from "@/views/workload/modules/findings";
import LiveCard from "@/views/workload/modules/LiveCard.vue";
import LiveCell from "@/views/workloads/modules/LiveCell.vue";
import { container, history, live, liveChange, workload } from "./samples";

describe("how far away an instant is", () => {
  // The zone of the tests' machine: instants are made of local times.
  const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute);
  const said = (then: Date, now: Date, locale = "en") => ago(then.toISOString(), locale, now.getTime());

  test.each([
    [at(28, 17), at(27, 10), "tomorrow"],
    [at(29, 3), at(27, 20), "in 2 days"],
    [at(28, 1), at(27, 20), "in 5 hours"],
    [at(26, 23), at(28, 1), "2 days ago"],
    [at(26, 1), at(27, 2), "yesterday"],
    [at(27, 9), at(27, 10), "1 hour ago"],
  ])("%o from %o is %s", (then, now, words) => expect(said(then, now)).toBe(words));

  test("a larger unit is said when there is one of it, not when it is near", () => {
    const now = at(27, 12).getTime();
    const before = (seconds: number) => ago(new Date(now - seconds * 1000).toISOString(), "en", now);
    expect([59, 60, 3599, 3600, 86_399].map(before)).toEqual(["59 seconds ago", "1 minute ago", "59 minutes ago", "1 hour ago", "23 hours ago"]);
  });

  test("Chinese has a word for the day after tomorrow", () => expect(said(at(29, 3), at(27, 20), "zh-CN")).toBe("后天"));
});

describe("pages stay fresh", () => {
  beforeEach(() => vi.useFakeTimers({ now: new Date(2026, 10, 27, 12) }));
  afterEach(() => vi.useRealTimers());

  test("a relative time ticks", async () => {
    const time = mount(AppTime, { props: { at: new Date().toISOString(), relative: true } });
    expect(time.text()).toBe("now");
    await vi.advanceTimersByTimeAsync(65_000);
    expect(time.text()).toBe("1 minute ago");
    time.unmount();
    expect(vi.getTimerCount()).toBe(0);
  });

  function watched(answers: { version: number; as_of: string }[], isBusy = () => false) {
    let number = -1;
    const ask = vi.fn(() => {
      number = Math.min(number + 1, answers.length - 1);
      return Promise.resolve(answers[number] as { version: number; as_of: string });
    });
    const scope = effectScope();
    const [resource, fresh] = scope.run(() => {
      const made = useResource(ask);
      return [made, useFresh(made, { ask, isBusy, gist: (data) => data.version })] as const;
    }) as never as [ReturnType<typeof useResource<{ version: number; as_of: string }>>, ReturnType<typeof useFresh>];
    return { resource, fresh, ask, scope };
  }

  test("what has changed replaces what is shown, and the same once more does not", async () => {
    const { resource, scope } = watched([{ version: 1, as_of: "1" }, { version: 1, as_of: "2" }, { version: 2, as_of: "3" }]);
    await flushPromises();
    const first = resource.data.value;
    await vi.advanceTimersByTimeAsync(REFRESH_MS);
    expect(resource.data.value).toBe(first);
    await vi.advanceTimersByTimeAsync(REFRESH_MS);
    expect(resource.data.value?.version).toBe(2);
    scope.stop();
  });

  test("while somebody is busy it only says that it has changed", async () => {
    const busy = shallowRef(true);
    const { resource, fresh, scope } = watched([{ version: 1, as_of: "1" }, { version: 2, as_of: "2" }], () => busy.value);
    await flushPromises();
    await vi.advanceTimersByTimeAsync(REFRESH_MS);
    expect([resource.data.value?.version, fresh.hasNews.value]).toEqual([1, true]);
    busy.value = false;
    await vi.advanceTimersByTimeAsync(REFRESH_MS);
    expect([resource.data.value?.version, fresh.hasNews.value]).toEqual([2, false]);
    scope.stop();
  });

  test("what fails changes nothing, and is asked again", async () => {
    const { resource, ask, scope } = watched([{ version: 1, as_of: "1" }, { version: 2, as_of: "2" }]);
    await flushPromises();
    ask.mockImplementationOnce(() => Promise.reject(new ApiError(0, "away", "")));
    await vi.advanceTimersByTimeAsync(REFRESH_MS);
    expect(resource.data.value?.version).toBe(1);
    await vi.advanceTimersByTimeAsync(REFRESH_MS);
    expect(resource.data.value?.version).toBe(2);
    scope.stop();
  });

  test("a page that is left asks no more", async () => {
    const { ask, scope } = watched([{ version: 1, as_of: "1" }]);
    await flushPromises();
    scope.stop();
    await vi.advanceTimersByTimeAsync(3 * REFRESH_MS);
    expect(ask).toHaveBeenCalledTimes(1);
  });
});

describe("live beside collected", () => {
  test("replicas are those of the cluster, else those of the newest day", () => {
    expect(replicasNow(workload({ pods: 3, live: live({ replicas: 5 }) }))).toBe(5);
    expect(replicasNow(workload({ pods: 3, live: live({ replicas: null, state: "unknown" }) }))).toBe(3);
  });

  test.each([
    ["applied", "It has been sized since"],
    ["pending", "The next restart"],
    ["drifted", "The next restart"],
    ["withheld", "Conditions withhold"],
    ["not_enforced", "leaves this workload alone"],
    ["absent", "not in the cluster any more"],
    ["unknown", "not known here"],
  ] as const)("the advice on what is over-requested, when it is %s", (state, words) => {
    const [found] = findingsOf(workload({ live: live({ state }) }), history());
    expect(found).toMatchObject({ key: "over", advice: `live.over.${state}`, values: { day: "2026-11-20" } });
    expect(en.live.over[state]).toContain(words);
    expect(zh.live.over[state]).not.toBe("");
  });

  test("a restart frees nothing that is withheld", () => {
    const withheld = container({ cpu_request_millicores: null, withheld: { cpu_request_millicores: ["ShortHistory"] } });
    expect(findingsOf(workload({ containers: [withheld] }), history())[0]?.advice).toBe("live.over.withheld");
    expect(findingsOf(workload({ containers: [withheld], live: live({ state: "applied" }) }), history())[0]?.advice).toBe("live.over.applied");
  });

  test("the list says how many pods are ready, or of when it is", () => {
    const cell = (given: Parameters<typeof live>[0]) => mount(LiveCell, { props: { live: live(given) } }).text();
    expect(cell({ state: "applied" })).toBe("Applied6 of 6 ready");
    expect(cell({ ready: 4, is_settled: false })).toBe("Pendingrolling out 4/6");
    expect(cell({ is_current: false, ready: null, as_of: "2026-11-26T12:00:00Z" })).toBe("Pendingas of 2026-11-26");
    expect(cell({ state: "unknown", is_current: false, replicas: null, ready: null, as_of: null })).toBe("Unknown");
  });

  test("the page says what a restart would bring, and what has been changed past KubeDoor", () => {
    const changes = [liveChange({ container: "", field: "replicas", before: "7", after: "6", is_drifted: true }), liveChange()];
    const card = mount(LiveCard, { props: { workload: workload({ live: live({ state: "drifted", changes }) }) } });
    expect(card.findAll("tbody tr").map((row) => row.text())).toEqual(["Replicas changed since76", "cart CPU request 430m500m"]);
    expect(card.text()).toContain(en.live.hint.drifted);
  });

  test("a preview is of control values, not of a moment", () => {
    const before = controlText(workload());
    expect(controlText(workload({ version: 9, live: live({ replicas: 1 }) }))).toBe(before);
    for (const change of [{ replicas: 9 }, { mode: "off" as const }, { containers: [container({ memory_limit_bytes: null })] }]) expect(controlText(workload(change))).not.toBe(before);
  });

  test("without a cluster it says as of when", () => {
    const unseen = mount(defineComponent(() => () => h(LiveCard, { workload: workload({ live: live({ is_current: false, ready: null, as_of: "2026-11-26T12:00:00Z" }) }) })));
    expect(unseen.text()).toMatch(/as of 2026-11-26/);
  });
});
