/** What is wrong with a workload, in a few tags, worst first. Pure. */
import type { Resource, Workload } from "@/types";

export interface Trouble {
  /** Key below `health`. */
  key: "danger" | "oom" | "throttled" | "under" | "unasked" | "over";
  tone: "under" | "over";
  resource?: Resource;
  amount?: number;
}

/** As kubedoor/store/listing.py has it: a pod requests this many times what a pod used. */
const OVER_ASKED_FACTOR = 1.5;
const WORTH_SAYING = 0.01;

export function troublesOf(workload: Workload): Trouble[] {
  const found: Trouble[] = [];
  if (workload.oom_kills) found.push({ key: "oom", tone: "under", amount: workload.oom_kills });
  if (workload.warnings.length) found.push({ key: "danger", tone: workload.warnings.some((one) => one.kills) ? "under" : "over", amount: workload.warnings.length });
  if ((workload.throttled_share ?? 0) >= WORTH_SAYING) found.push({ key: "throttled", tone: "under", amount: workload.throttled_share ?? 0 });
  const pods = workload.pods || 1;
  const amounts = [
    // Per pod: a weekend with fewer pods is no finding.
    { resource: "cpu" as const, asked: workload.cpu_requested_millicores / pods, used: workload.cpu_used_millicores / (workload.collected_replicas || 1) },
    { resource: "memory" as const, asked: workload.memory_requested_bytes / pods, used: workload.memory_used_bytes / (workload.memory_pods || 1) },
  ];
  if (workload.newest_day === null) return found;
  for (const { resource, asked, used } of amounts) if (asked > 0 && asked < used) found.push({ key: "under", tone: "under", resource });
  if (workload.unasked) found.push({ key: "unasked", tone: "over" });
  for (const { resource, asked, used } of amounts) if (used > 0 && asked > OVER_ASKED_FACTOR * used) found.push({ key: "over", tone: "over", resource });
  return found;
}
