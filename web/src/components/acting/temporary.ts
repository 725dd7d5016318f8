/** Temporary scales as their returns have them: who has which number until then, and which one after. Pure. */
import { clockTime } from "@/format/times";
import type { Schedule } from "@/types";
import { namesOf } from "./wishes";

export interface TemporaryScale {
  names: string;
  more: number;
  now: number | null;
  /** Null: what was before is not known yet. */
  then: number | null;
  count: number;
}

/** One for each pair of numbers, in the order of the workloads. */
export function temporaryScales(schedule: Schedule): TemporaryScale[] {
  const groups = new Map<string, Schedule["workloads"]>();
  for (const one of schedule.workloads) {
    const key = `${one.temporary_replicas}/${one.returns_to}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((workloads) => ({
    ...namesOf(workloads), now: workloads[0]?.temporary_replicas ?? null, then: workloads[0]?.returns_to ?? null, count: workloads.length,
  }));
}

/** Today only the time, else the date as well; in the browser's zone. */
export function untilText(instant: string, now: Date): string {
  const [day = "", time = ""] = clockTime(instant).split(" ");
  return clockTime(now.toISOString()).startsWith(day) ? time : `${day} ${time}`;
}

/** The returns that belong to each schedule, by its id, and those whose schedule is not in the list. */
export function byParent(schedules: Schedule[]): { returns: Map<string, Schedule[]>; rows: Schedule[] } {
  const known = new Set(schedules.map((one) => one.schedule));
  const returns = new Map<string, Schedule[]>();
  const rows = schedules.filter((one) => {
    if (!one.parent || !known.has(one.parent)) return true;
    returns.set(one.parent, [...(returns.get(one.parent) ?? []), one]);
    return false;
  });
  return { returns, rows };
}

export const isTemporary = (schedule: Schedule) => !!schedule.parent && schedule.state !== "over";
