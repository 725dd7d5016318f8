/** What the owner of a container asked, what runs, and what the door would set: field by field. Pure. */
import { amountColumn, amountOf, resourceOf, type Field } from "@/components/editor/editing";
import { withheldBy } from "@/format/conditions";
import { isDue } from "@/format/live";
import type { ContainerValues, Resource, Workload } from "@/types";

export const ASKED_FIELDS: Field[] = ["cpu_request", "memory_request", "cpu_limit", "memory_limit"];

/** Whether the container is one of its Deployment's; `injected`: something else puts it into the pods. */
export type Standing = "unseen" | "injected" | "sidecar" | "container";

export interface AskedRow {
  field: Field;
  resource: Resource;
  asked: number | null;
  runs: number | null;
  /** What is collected, where conditions withhold it. */
  control: number | null;
  isManual: boolean;
  withheldBy: string[];
  isReplaced: boolean;
  /** The next release brings another number than the one that runs. */
  isDue: boolean;
}

export function standingOf(one: ContainerValues): Standing {
  if (one.in_deployment === false) return "injected";
  if (!one.is_observed) return "unseen";
  return one.is_sidecar ? "sidecar" : "container";
}

export function askedRows(workload: Workload, one: ContainerValues): AskedRow[] {
  // As the webhook would have it: cut to limits, and nothing where it leaves the workload alone.
  const due = new Set(isDue(workload.live) ? workload.live.changes.filter((change) => change.container === one.container).map((change) => change.field) : []);
  return ASKED_FIELDS.map((field) => {
    const by = withheldBy(one, amountColumn(field));
    const [asked, runs] = [amountOf(one, field, "asked_"), amountOf(one, field, "running_")];
    const control = amountOf(one, field, by.length ? "collected_" : "");
    return {
      field,
      resource: resourceOf(field),
      asked,
      runs,
      control,
      isManual: amountOf(one, field, "manual_") !== null,
      withheldBy: by,
      isReplaced: asked !== runs,
      isDue: due.has(field.replace("_", " ")),
    };
  });
}

/** What the page says above the numbers: key below `workload.asked`. */
export function summaryOf(workload: Workload): "unseen" | "replaced" | "untouched" {
  if (workload.observed_at === null) return "unseen";
  return workload.is_sized ? "replaced" : "untouched";
}
