/** The filtered list as CSV: every page of it, in exact numbers. */
import * as api from "@/api";
import type { WorkloadQuery } from "@/api";
import { amountColumn, amountOf, FIELDS } from "@/components/editor/editing";
import { csv } from "@/format/csv";
import { groupsOf, replicasWithheldBy } from "@/format/conditions";
import type { ContainerValues, Workload } from "@/types";

const PAGE_SIZE = 500;

const HEADER = [
  "namespace", "deployment", "container", "mode", "pods", "replicas", "collected_replicas", "manual_replicas", "peak_day",
  "cpu_used_millicores", "cpu_requested_millicores", "cpu_limit_found_millicores", "cpu_request_control_millicores", "cpu_limit_control_millicores",
  "memory_used_bytes", "memory_requested_bytes", "memory_limit_found_bytes", "memory_request_control_bytes", "memory_limit_control_bytes",
  "throttled_share", "oom_kills", "hpa", "over_asked", "under_asked", "edited_by", "edited_at", "conditions", "withheld",
  ...FIELDS.flatMap((field) => [`asked_${amountColumn(field)}`, `running_${amountColumn(field)}`]), "in_deployment",
];

const typesOf = (row: Workload) => groupsOf(row.conditions).map((group) => group.type).join("; ");

/** As the export of control values has them: fields, the replicas with every container. */
function withheldOf(row: Workload, one: ContainerValues): string {
  return [...(replicasWithheldBy(row).length ? ["replicas"] : []), ...Object.keys(one.withheld)].join("; ");
}

/** One line a container; used and requested are of one pod. */
export function workloadsCsv(workloads: Workload[]): string {
  const rows = workloads.flatMap((row) =>
    row.containers.map((one) => [
      row.namespace, row.deployment, one.container, row.mode, row.pods, row.replicas, row.collected_replicas, row.manual_replicas, row.peak_day,
      one.cpu_usage_millicores, one.newest?.cpu_request_millicores, one.newest?.cpu_limit_millicores, one.cpu_request_millicores, one.cpu_limit_millicores,
      one.memory_usage_bytes, one.newest?.memory_request_bytes, one.newest?.memory_limit_bytes, one.memory_request_bytes, one.memory_limit_bytes,
      one.newest?.throttled_share, row.oom_kills, row.hpa, row.is_over_asked, row.is_under_asked, row.edited_by, row.edited_at, typesOf(row), withheldOf(row, one),
      ...FIELDS.flatMap((field) => [amountOf(one, field, "asked_"), amountOf(one, field, "running_")]), one.in_deployment,
    ]),
  );
  return csv(HEADER, rows);
}

/** Every workload of a filter; `onProgress` is told the share that is there. */
export async function allWorkloads(wanted: WorkloadQuery, onProgress: (share: number) => void, signal: AbortSignal): Promise<Workload[]> {
  const found: Workload[] = [];
  for (let page = 1; ; page++) {
    const answer = await api.listWorkloads({ ...wanted, page, page_size: PAGE_SIZE }, signal);
    found.push(...answer.items);
    onProgress(answer.total ? Math.min(1, found.length / answer.total) : 1);
    if (found.length >= answer.total || answer.items.length === 0) return found;
  }
}
