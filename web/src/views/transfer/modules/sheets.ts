/** What a sheet would change, workload by workload. Pure. */
import { canonical } from "@/format/quantities";
import type { SheetChange } from "@/types";

export const MOST_BYTES = 8 * 2 ** 20;

export interface PlannedWorkload {
  namespace: string;
  deployment: string;
  line: number;
  changes: SheetChange[];
}

/** In the order of the sheet. */
export function byWorkload(changes: SheetChange[]): PlannedWorkload[] {
  const found = new Map<string, PlannedWorkload>();
  for (const change of changes) {
    const key = `${change.namespace}/${change.deployment}`;
    const planned = found.get(key);
    if (planned) planned.changes.push(change);
    else found.set(key, { namespace: change.namespace, deployment: change.deployment, line: change.line, changes: [change] });
  }
  return [...found.values()];
}

/** The field without its unit: `cpu_request`. */
export const fieldOf = (change: Pick<SheetChange, "field">) => change.field.replace(/_(millicores|bytes)$/, "");

/** A value as Kubernetes writes it; undefined: not set by hand. */
export function writtenOf(change: Pick<SheetChange, "field">, value: SheetChange["before"]): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "number" && change.field.endsWith("_millicores")) return canonical("cpu", value);
  if (typeof value === "number" && change.field.endsWith("_bytes")) return canonical("memory", value);
  return String(value);
}
