/** Workloads as the API answers them, for tests to vary. */
import type { Condition, ContainerDetail, History, Live, UsageDay, WorkloadDetail } from "@/types";

export const MIB = 2 ** 20;

export function usageDay(given: Partial<UsageDay> = {}): UsageDay {
  return {
    namespace: "shop", deployment: "cart", container: "cart", day: "2026-11-20", pods: 6,
    cpu_p95_millicores: 430, cpu_p95_hottest_millicores: 460, memory_p95_bytes: 500 * MIB, memory_p95_hottest_bytes: 510 * MIB, memory_max_bytes: 520 * MIB,
    cpu_quantiles_millicores: [], memory_quantiles_bytes: [], cpu_request_millicores: 1000, memory_request_bytes: 2048 * MIB, cpu_limit_millicores: 2000, memory_limit_bytes: 2048 * MIB,
    throttled_share: 0, oom_kills: 0, coverage: 1, hpa: false, is_taken_over: false, ...given,
  };
}

export function container(given: Partial<ContainerDetail> = {}): ContainerDetail {
  const values = {
    cpu_request_millicores: 430, collected_cpu_request_millicores: 430, manual_cpu_request_millicores: null,
    memory_request_bytes: 500 * MIB, collected_memory_request_bytes: 500 * MIB, manual_memory_request_bytes: null,
    cpu_limit_millicores: 2000, collected_cpu_limit_millicores: 2000, manual_cpu_limit_millicores: null,
    memory_limit_bytes: 2048 * MIB, collected_memory_limit_bytes: 2048 * MIB, manual_memory_limit_bytes: null,
  };
  const unseen = {
    asked_cpu_request_millicores: null, asked_memory_request_bytes: null, asked_cpu_limit_millicores: null, asked_memory_limit_bytes: null,
    running_cpu_request_millicores: null, running_memory_request_bytes: null, running_cpu_limit_millicores: null, running_memory_limit_bytes: null,
    is_observed: false, in_deployment: null, is_sidecar: false,
  };
  return { container: "cart", ...values, ...unseen, cpu_usage_millicores: 430, memory_usage_bytes: 500 * MIB, reasons: [], reasons_said: [], newest: usageDay(), withheld: {}, ...given };
}

/** A container whose control values run in place of what its owner asked. */
export function sized(given: Partial<ContainerDetail> = {}): ContainerDetail {
  return container({
    asked_cpu_request_millicores: 1000, asked_memory_request_bytes: 2048 * MIB, asked_memory_limit_bytes: 2048 * MIB,
    running_cpu_request_millicores: 430, running_memory_request_bytes: 500 * MIB, running_cpu_limit_millicores: 2000, running_memory_limit_bytes: 2048 * MIB,
    is_observed: true, in_deployment: true, ...given,
  });
}

export function live(given: Partial<Live> = {}): Live {
  return { state: "pending", is_current: true, as_of: "2026-11-24T08:00:00Z", replicas: 6, ready: 6, updated: 6, is_settled: true, changes: [], ...given };
}

export function liveChange(given: Partial<Live["changes"][number]> = {}): Live["changes"][number] {
  return { container: "cart", field: "cpu request", before: "430m", after: "500m", source: "collected", clamped: false, is_drifted: false, ...given };
}

export function workload(given: Partial<WorkloadDetail> = {}): WorkloadDetail {
  return {
    namespace: "shop", deployment: "cart", live: live(), mode: "enforce", version: 3, edited_at: null, edited_by: "", replicas: 6, collected_replicas: 6, manual_replicas: null, is_collected: true,
    peak_day: "2026-11-20", days: 10, hpa: false, opted_out: false, owned: false, newest_day: "2026-11-20", pods: 6, oom_kills: 0, throttled_share: 0,
    cpu_requested_millicores: 6000, cpu_used_millicores: 2580, cpu_control_millicores: 2580, memory_requested_bytes: 12288 * MIB, memory_used_bytes: 3000 * MIB, memory_pods: 6, memory_control_bytes: 3000 * MIB,
    unasked: 0, has_manual: false, is_over_asked: true, is_under_asked: false, conditions: [], withheld_replicas: [], withheld_count: 0, is_waiting: false, warnings: [], observed_at: null, is_sized: false, running_replicas: null,
    cpu_asked_millicores: null, memory_asked_bytes: null, cpu_running_millicores: null, memory_running_bytes: null, containers: [container()],
    manual: { version: 3, mode: null, replicas: null, containers: {}, note: "", edited_by: "", edited_at: null }, ...given,
  };
}

export function condition(given: Partial<Condition> = {}): Condition {
  return {
    type: "ShortHistory", status: "True", reason: "TooFewDays", message: "There are 2 whole days of usage.", parameters: { days: 2, wanted: 3 }, since: null,
    withholds: [{ container: "cart", field: "cpu_request_millicores" }], is_acceptable: true, is_accepted: false, accepted_until: null, ...given,
  };
}

export function history(given: Partial<History> = {}): History {
  return { days: [usageDay()], peak_day: "2026-11-20", memory_peak_day: "2026-11-20", min_coverage: 0.8, first_day: "2026-11-01", last_day: "2026-11-21", metrics_links: {}, ...given };
}
