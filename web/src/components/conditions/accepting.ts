/** Who accepts which conditions of which workloads, and what the API is sent for that. Pure. */
import { acceptableTypes } from "@/format/conditions";
import type { AcceptableType, AcceptanceBody, Condition, Workload } from "@/types";

/** As the API takes them in one request. */
export const MOST_WORKLOADS = 500;
export const PRESETS_DAYS = [7, 30, 90] as const;

type Named = Pick<Workload, "namespace" | "deployment"> & { conditions: readonly Condition[] };

export interface Choice {
  type: AcceptableType;
  workloads: number;
}

/** The types that can be accepted, the most frequent first. */
export function choicesOf(workloads: readonly Named[]): Choice[] {
  const counts = new Map<AcceptableType, number>();
  for (const type of workloads.flatMap((one) => acceptableTypes(one.conditions))) counts.set(type, (counts.get(type) ?? 0) + 1);
  return [...counts].map(([type, count]) => ({ type, workloads: count })).sort((one, other) => other.workloads - one.workloads);
}

export interface Wanted {
  types: readonly AcceptableType[];
  /** An instant; null: for good. */
  until: string | null;
  note: string;
}

/** The requests: of each workload exactly those chosen conditions that it was shown to have. */
export function bodiesOf(workloads: readonly Named[], { types, until, note }: Wanted): AcceptanceBody[] {
  const sets = new Map<string, { conditions: AcceptableType[]; workloads: AcceptanceBody["workloads"] }>();
  for (const { namespace, deployment, conditions } of workloads) {
    const chosen = acceptableTypes(conditions).filter((type) => types.includes(type)).sort();
    if (!chosen.length) continue;
    const set = sets.get(chosen.join()) ?? { conditions: chosen, workloads: [] };
    set.workloads.push({ namespace, deployment });
    sets.set(chosen.join(), set);
  }
  return [...sets.values()].flatMap((set) => pieces(set.workloads).map((some) => ({ workloads: some, conditions: set.conditions, until, note: note.trim(), accepted: true })));
}

function pieces<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / MOST_WORKLOADS) }, (_, index) => all.slice(index * MOST_WORKLOADS, (index + 1) * MOST_WORKLOADS));
}

/** The last second of a day of the browser's zone, as an instant; null for no day. */
export function endOfDay(day: string): string | null {
  const at = new Date(`${day}T23:59:59`);
  return Number.isNaN(at.getTime()) ? null : at.toISOString();
}

/** The local date so many days after `now`, as a field for dates has it. */
export function dayAfter(now: number, days: number): string {
  const at = new Date(now);
  at.setDate(at.getDate() + days);
  const pad = (value: number) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}
