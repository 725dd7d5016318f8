/** What a person is about to change of one workload: the draft, what is wrong with it, what it would change. Pure. */
import { canonical, readQuantity, roomOf, type QuantityFault } from "@/format/quantities";
import type { ContainerEdit, ContainerValues, Manual, Mode, Resource, Workload, WorkloadEdit } from "@/types";

export const FIELDS = ["cpu_request", "cpu_limit", "memory_request", "memory_limit"] as const;
export type Field = (typeof FIELDS)[number];
export const MOST_REPLICAS = 100_000;

/** Texts as typed; an empty one means: take what was collected. */
export interface Draft {
  mode: Mode;
  replicas: string;
  containers: Record<string, Record<Field, string>>;
  note: string;
}

export type Fault = QuantityFault | "not_whole" | "too_many" | "above_limit" | "not_a_name" | "twice";
/** By the field's name as the API has it: `replicas`, `containers.app.cpu_request`. */
export type Faults = Record<string, Fault>;

export interface DraftChange {
  /** As in Faults. */
  key: string;
  field: "mode" | "replicas" | Field;
  container: string;
  before: string | null;
  after: string | null;
  /** The value goes back to what is collected. */
  isCleared: boolean;
  /** What was wished, where a limit cuts it. */
  wanted?: string;
}

/** `""` the control value; what the owner `asked_`, and what is `running_`, are null where that is not known, too. */
type Prefix = "" | "collected_" | "manual_" | "asked_" | "running_";
type Amount = "cpu_request_millicores" | "cpu_limit_millicores" | "memory_request_bytes" | "memory_limit_bytes";

export const resourceOf = (field: Field): Resource => (field.startsWith("cpu") ? "cpu" : "memory");
export const keyOf = (container: string, field: Field) => `containers.${container}.${field}`;

export const amountColumn = (field: Field) => `${field}_${resourceOf(field) === "cpu" ? "millicores" : "bytes"}` as Amount;

export function amountOf(container: ContainerValues, field: Field, prefix: Prefix = ""): number | null {
  return container[`${prefix}${amountColumn(field)}`];
}

export function draftOf(workload: Workload): Draft {
  const containers: Draft["containers"] = {};
  for (const container of workload.containers) {
    const text = (field: Field) => {
      const amount = amountOf(container, field, "manual_");
      return amount === null ? "" : canonical(resourceOf(field), amount);
    };
    containers[container.container] = Object.fromEntries(FIELDS.map((field) => [field, text(field)])) as Record<Field, string>;
  }
  return { mode: workload.mode, replicas: workload.manual_replicas === null ? "" : String(workload.manual_replicas), containers, note: "" };
}

/** The values of an earlier version, for the containers that there are. */
export function draftOfVersion(workload: Workload, version: Manual, note: string): Draft {
  const containers: Draft["containers"] = {};
  for (const { container } of workload.containers) {
    const values = version.containers[container];
    const text = (field: Field) => {
      const amount = values?.[amountColumn(field)] ?? null;
      return amount === null ? "" : canonical(resourceOf(field), amount);
    };
    containers[container] = Object.fromEntries(FIELDS.map((field) => [field, text(field)])) as Record<Field, string>;
  }
  return { mode: version.mode ?? "enforce", replicas: version.replicas === null ? "" : String(version.replicas), containers, note };
}

/** The value the field would have: what is typed, else what was collected; null: nothing, or what is typed is wrong. */
function wouldBe(container: ContainerValues, field: Field, text: string): number | null {
  if (!text.trim()) return amountOf(container, field, "collected_");
  const amount = readQuantity(resourceOf(field), text);
  return typeof amount === "number" ? amount : null;
}

export function faultsOf(workload: Workload, draft: Draft): Faults {
  const faults: Faults = {};
  const replicas = draft.replicas.trim();
  if (replicas && !/^\d+$/.test(replicas)) faults["replicas"] = "not_whole";
  else if (Number(replicas) > MOST_REPLICAS) faults["replicas"] = "too_many";
  for (const container of workload.containers) {
    const texts = draft.containers[container.container];
    if (!texts) continue;
    for (const field of FIELDS) {
      const amount = texts[field].trim() ? readQuantity(resourceOf(field), texts[field]) : 1;
      if (typeof amount !== "number") faults[keyOf(container.container, field)] = amount;
    }
    for (const resource of ["cpu", "memory"] as const) {
      const [requestField, limitField] = [`${resource}_request`, `${resource}_limit`] as const;
      if (!texts[requestField].trim() && !texts[limitField].trim()) continue;
      const [request, limit] = [wouldBe(container, requestField, texts[requestField]), wouldBe(container, limitField, texts[limitField])];
      const key = keyOf(container.container, requestField);
      if (request !== null && limit !== null && request > roomOf(resource, limit)) faults[key] ??= "above_limit";
    }
  }
  return faults;
}

/** What a draft would change of the control values, in the order of the form. */
export function changesOf(workload: Workload, draft: Draft): DraftChange[] {
  const was = draftOf(workload);
  const changes: DraftChange[] = [];
  if (draft.mode !== was.mode) {
    changes.push({ key: "mode", field: "mode", container: "", before: was.mode, after: draft.mode, isCleared: false });
  }
  if (draft.replicas.trim() !== was.replicas) {
    const isCleared = !draft.replicas.trim();
    const after = !isCleared ? Number(draft.replicas) : workload.withheld_replicas.length ? null : workload.collected_replicas;
    changes.push({ key: "replicas", field: "replicas", container: "", before: text(workload.replicas), after: text(after), isCleared });
  }
  for (const container of workload.containers) {
    for (const field of FIELDS) {
      const typed = draft.containers[container.container]?.[field].trim() ?? "";
      if (typed === was.containers[container.container]?.[field]) continue;
      const write = (amount: number | null) => (amount === null ? null : canonical(resourceOf(field), amount));
      changes.push({
        key: keyOf(container.container, field),
        field,
        container: container.container,
        before: write(amountOf(container, field)),
        after: write(!typed && container.withheld[amountColumn(field)]?.length ? null : wouldBe(container, field, typed)),
        isCleared: !typed,
      });
    }
  }
  return changes;
}

function text(value: number | null): string | null {
  return value === null ? null : String(value);
}

/** What to send: only what was changed, so that what somebody else has changed meanwhile elsewhere stays. */
export function editOf(workload: Workload, draft: Draft): WorkloadEdit {
  const edit: WorkloadEdit = { version: workload.version, note: draft.note.trim() };
  const containers: Record<string, ContainerEdit> = {};
  for (const change of changesOf(workload, draft)) {
    if (change.field === "mode") edit.mode = draft.mode;
    else if (change.field === "replicas") edit.replicas = change.isCleared ? null : Number(draft.replicas);
    else (containers[change.container] ??= {})[change.field] = change.isCleared ? null : draft.containers[change.container]?.[change.field].trim();
  }
  return Object.keys(containers).length ? { ...edit, containers } : edit;
}

/** The same changes on top of what is there now. */
export function rebased(base: Workload, draft: Draft, current: Workload): Draft {
  const result = draftOf(current);
  for (const change of changesOf(base, draft)) {
    if (change.field === "mode") result.mode = draft.mode;
    else if (change.field === "replicas") result.replicas = draft.replicas;
    else {
      const texts = result.containers[change.container];
      if (texts) texts[change.field] = draft.containers[change.container]?.[change.field] ?? "";
    }
  }
  return { ...result, note: draft.note };
}

/** The control value of a change's field as it is in `workload`, written as Kubernetes does. */
export function valueAt(workload: Workload, change: DraftChange): string | null {
  if (change.field === "mode") return workload.mode;
  if (change.field === "replicas") return text(workload.replicas);
  const container = workload.containers.find((one) => one.container === change.container);
  const amount = container ? amountOf(container, change.field) : null;
  return amount === null ? null : canonical(resourceOf(change.field), amount);
}
