/** How a Deployment stands to its control values, as kubedoor/live/standing.py names it. Pure. */
import type { Live, Workload } from "@/types";

export const LIVE_STATES = ["applied", "pending", "drifted", "withheld", "not_enforced", "absent", "unknown"] as const satisfies readonly Live["state"][];

/** A restart brings the control values. */
export const isDue = (live: Live) => live.state === "pending" || live.state === "drifted";

/** Replicas now, or on the newest usage day where nobody can tell. */
export const replicasNow = (workload: Pick<Workload, "live" | "pods">) => workload.live.replicas ?? workload.pods;

/** The control values as one text: another one once they have changed, whoever has changed them. */
export function controlText(workload: Pick<Workload, "mode" | "replicas" | "containers">): string {
  const { mode, replicas, containers } = workload;
  return JSON.stringify([mode, replicas, containers.map((one) => [one.container, one.cpu_request_millicores, one.cpu_limit_millicores, one.memory_request_bytes, one.memory_limit_bytes])]);
}
