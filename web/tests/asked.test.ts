import { mount } from "@vue/test-utils";
import { describe, expect, test } from "vitest";
import { signedAxisOf } from "@/format/axis";
import type { ContainerValues, WorkloadDetail } from "@/types";
import { everyDay, namespaceRows } from "@/views/overview/modules/savings";
import { askedRows, standingOf, summaryOf } from "@/views/workload/modules/asked";
import ResourceCell from "@/views/workloads/modules/ResourceCell.vue";
import { workloadsCsv } from "@/views/workloads/modules/exporting";
import { container, live, liveChange, MIB, sized, workload } from "./samples";

/** Of the first container in the file. */
function cellsOf(row: WorkloadDetail): Record<string, string | undefined> {
  const [header = "", line = ""] = workloadsCsv([row]).split("\r\n");
  return Object.fromEntries(header.split(",").map((name, index) => [name, line.split(",")[index]]));
}

describe("what was asked, what runs, and the control value", () => {
  const rows = (given: Partial<ContainerValues> = {}, of: Partial<WorkloadDetail> = {}) => askedRows(workload(of), sized(given));
  const cpu = (given: Partial<ContainerValues> = {}, of: Partial<WorkloadDetail> = {}) => rows(given, of)[0];

  test("what the door has replaced stands out, and what the owner did not ask is no number", () => {
    expect(rows().map(({ field, asked, runs, isReplaced }) => [field, asked, runs, isReplaced])).toEqual([
      ["cpu_request", 1000, 430, true], ["memory_request", 2048 * MIB, 500 * MIB, true], ["cpu_limit", null, 2000, true], ["memory_limit", 2048 * MIB, 2048 * MIB, false],
    ]);
  });

  test("a control value that does not run yet comes with the next release", () => {
    const due = { live: live({ changes: [liveChange()] }) };
    expect(rows({}, due).map((row) => row.isDue)).toEqual([true, false, false, false]);
    expect(rows().map((row) => row.isDue)).toEqual([false, false, false, false]);
    expect(rows({ container: "proxy" }, due).map((row) => row.isDue)).toEqual([false, false, false, false]);
  });

  test("but not where the webhook leaves the workload alone", () => expect(cpu({}, { live: live({ state: "not_enforced", changes: [liveChange()] }) })?.isDue).toBe(false));

  test("what is withheld shows what was collected, and is not due", () => {
    expect(cpu({ cpu_request_millicores: null, collected_cpu_request_millicores: 700, withheld: { cpu_request_millicores: ["ShortHistory"] } })).toMatchObject({ control: 700, withheldBy: ["ShortHistory"], isDue: false });
  });

  test("a container that something else injects is told from one that nobody has seen", () => {
    expect(standingOf(sized({ in_deployment: false }))).toBe("injected");
    expect(standingOf(container())).toBe("unseen");
    expect(standingOf(sized({ is_sidecar: true }))).toBe("sidecar");
    expect(standingOf(sized())).toBe("container");
  });

  test("the sentence above the numbers says whether the door has changed anything", () => {
    expect(summaryOf(workload())).toBe("unseen");
    const at = "2026-11-24T08:00:00Z";
    expect(summaryOf(workload({ observed_at: at }))).toBe("untouched");
    expect(summaryOf(workload({ observed_at: at, is_sized: true }))).toBe("replaced");
  });
});

describe("in the list", () => {
  const text = (given: Partial<WorkloadDetail>, asks = true) => mount(ResourceCell, { props: { resource: "cpu", workload: workload(given), asks } }).text();

  test("both numbers where they differ, one where they do not, none where nobody has looked", () => {
    expect(text({ cpu_asked_millicores: 6000, cpu_running_millicores: 2580 })).toBe("2.58/ 6 coresAsked 6 cores → Runs 2.58 cores");
    expect(text({ cpu_asked_millicores: 6000, cpu_running_millicores: 6000 })).toContain("as asked: 6 cores");
    expect(text({})).toBe("2.58/ 6 cores");
    expect(text({ cpu_asked_millicores: 6000, cpu_running_millicores: 2580 }, false)).toBe("2.58/ 6 cores");
  });

  test("the file has both of each field", () => {
    expect(cellsOf(workload({ containers: [sized()] }))).toMatchObject({ asked_cpu_request_millicores: "1000", running_cpu_request_millicores: "430", asked_cpu_limit_millicores: "", running_cpu_limit_millicores: "2000", in_deployment: "true" });
  });

  test("OOM kills are those of the look-back, of the whole workload", () => {
    expect(cellsOf(workload({ oom_kills: 3, containers: [sized()] }))["oom_kills"]).toBe("3");
  });
});

describe("savings", () => {
  const day = (name: string, cpu: number) => ({ day: name, cpu_millicores: cpu, memory_bytes: 0 });

  test("each day is there once, over all namespaces, and one without a row saved nothing", () => {
    const rows = [day("2026-11-19", 9), day("2026-11-21", 500), day("2026-11-21", -200), day("2026-11-22", -200)];
    expect(everyDay(rows, "2026-11-22", 3).map((one) => [one.day, one.cpu_millicores])).toEqual([["2026-11-20", 0], ["2026-11-21", 300], ["2026-11-22", -200]]);
  });

  test("the namespace that saves most comes first, and where the door gave more last", () => {
    const of = (namespace: string, cpu: number) => ({ namespace, workloads: 1, cpu_millicores: cpu, memory_bytes: -cpu, cpu_asked_millicores: 4000, memory_asked_bytes: 9 });
    const namespaces = [of("b", -500), of("a", 900), of("c", 100), { ...of("untouched", 0), workloads: 0 }];
    expect(namespaceRows(namespaces, "cpu").map((row) => row.name)).toEqual(["a", "c", "b"]);
    expect(namespaceRows(namespaces, "memory").map((row) => row.saved)).toEqual([500, -100, -900]);
  });

  test.each([[[0, 0]], [[1700, 300]], [[-1700]], [[900, -200]], [[-50, 40_000]]])("the axis of %j has room for all of it, and zero is one of its lines", (values) => {
    const { min, max, interval } = signedAxisOf("cpu", values);
    expect(min).toBeLessThanOrEqual(Math.min(0, ...values));
    expect(max).toBeGreaterThanOrEqual(Math.max(0, ...values));
    expect(max).toBeGreaterThan(min);
    expect([Math.abs(min % interval), max % interval]).toEqual([0, 0]);
  });
});
