/** One change to many workloads: what each of them would be sent. Pure. */
import { canonical } from "@/format/quantities";
import { amountOf, changesOf, draftOf, editOf, keyOf, resourceOf, type Draft, type DraftChange, type Field } from "@/components/editor/editing";
import type { BulkEdit, ContainerValues, Mode, Workload } from "@/types";

const PERCENT = 100;
const MOST_EDITS = 500;
const REQUESTS = ["cpu_request", "memory_request"] as const satisfies readonly Field[];

export interface BulkWish {
  /** Empty: leave it. */
  mode: Mode | "";
  replicas: "keep" | "set" | "clear";
  replicaCount: number;
  /** `headroom`: what was used at peak, and so much per cent more. */
  requests: "keep" | "headroom" | "clear";
  headroomPercent: number;
  note: string;
}

export function emptyWish(): BulkWish {
  return { mode: "", replicas: "keep", replicaCount: 1, requests: "keep", headroomPercent: 20, note: "" };
}

/** The workload's draft as the wish would have it; a request never goes above the limit that holds. */
export function wishedDraft(workload: Workload, wish: BulkWish): Draft {
  const draft = draftOf(workload);
  if (wish.mode) draft.mode = wish.mode;
  if (wish.replicas !== "keep") draft.replicas = wish.replicas === "set" ? String(wish.replicaCount) : "";
  if (wish.requests === "keep") return draft;
  for (const container of workload.containers) {
    const texts = draft.containers[container.container];
    if (!texts) continue;
    for (const field of REQUESTS) {
      const collected = amountOf(container, field, "collected_");
      if (wish.requests === "clear") texts[field] = "";
      else if (collected !== null) texts[field] = canonical(resourceOf(field), Math.min(withHeadroom(field, collected, wish.headroomPercent), limitOf(container, field) ?? Infinity));
    }
  }
  return draft;
}

function withHeadroom(field: Field, collected: number, percent: number): number {
  const step = resourceOf(field) === "cpu" ? 1 : 2 ** 20;
  return Math.ceil((collected * (PERCENT + percent)) / PERCENT / step) * step;
}

const limitOf = (container: ContainerValues, field: Field) => amountOf(container, field === "cpu_request" ? "cpu_limit" : "memory_limit");

/** What the wish comes to, where a limit leaves less of it; by the field's name. */
function wantedOf(workload: Workload, wish: BulkWish): Map<string, string> {
  if (wish.requests !== "headroom") return new Map();
  const found = workload.containers.flatMap((container) =>
    REQUESTS.flatMap((field): [string, string][] => {
      const [collected, limit] = [amountOf(container, field, "collected_"), limitOf(container, field)];
      const wanted = collected === null ? 0 : withHeadroom(field, collected, wish.headroomPercent);
      return limit !== null && wanted > limit ? [[keyOf(container.container, field), canonical(resourceOf(field), wanted)]] : [];
    }),
  );
  return new Map(found);
}

export interface PlannedEdit {
  workload: Workload;
  changes: DraftChange[];
  edit: BulkEdit;
}

/** Only workloads that the wish would change. */
export function plan(workloads: Workload[], wish: BulkWish): PlannedEdit[] {
  return workloads
    .map((workload) => {
      const draft = { ...wishedDraft(workload, wish), note: wish.note };
      const edit = { ...editOf(workload, draft), namespace: workload.namespace, deployment: workload.deployment };
      const wanted = wantedOf(workload, wish);
      return { workload, changes: changesOf(workload, draft).map((change) => ({ ...change, wanted: wanted.get(change.key) })), edit };
    })
    .filter((planned) => planned.changes.length > 0);
}

/** The edits as the API takes them: so many at once. */
export function partsOf(planned: PlannedEdit[]): BulkEdit[][] {
  const edits = planned.map((one) => one.edit);
  return Array.from({ length: Math.ceil(edits.length / MOST_EDITS) }, (_, part) => edits.slice(part * MOST_EDITS, (part + 1) * MOST_EDITS));
}
