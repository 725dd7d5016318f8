/** A schedule as the form holds it. Pure. */
import { emptyHow, fieldsOf, howOf, keyOf, type How } from "@/components/acting/wishes";
import { emptyWhile, minutesBetween, minutesOf, whileOf, type While } from "@/components/acting/whiles";
import { localTime } from "@/format/zones";
import type { ActionKind, ActionTarget, Schedule, ScheduleBody } from "@/types";

/** `temporary`: a scale to a number that goes back by itself. */
export type ScheduleKind = ActionKind | "temporary";
export const SCHEDULE_KINDS: ScheduleKind[] = ["scale", "temporary", "restart", "apply"];

export interface ScheduleDraft {
  name: string;
  kind: ScheduleKind;
  goal: "control" | "number";
  replicas: number;
  back: While;
  targets: ActionTarget[];
  when: "again" | "once";
  cron: string;
  /** Local to the zone: 2026-11-24T18:30. */
  at: string;
  zone: string;
  how: How;
}

export function emptyDraft(zone: string): ScheduleDraft {
  return { name: "", kind: "restart", goal: "number", replicas: 1, back: emptyWhile(), targets: [], when: "again", cron: "0 3 * * *", at: "", zone, how: emptyHow() };
}

export function draftOf(schedule: Schedule): ScheduleDraft {
  return {
    name: schedule.name,
    kind: schedule.return_after_minutes ? "temporary" : schedule.kind,
    goal: schedule.replicas === null ? "control" : "number",
    replicas: schedule.replicas ?? 1,
    back: schedule.return_after_minutes ? whileOf(schedule.return_after_minutes) : emptyWhile(),
    targets: schedule.workloads.map(({ namespace, deployment, replicas }) => ({ namespace, deployment, replicas })),
    when: schedule.at ? "once" : "again",
    cron: schedule.cron ?? "",
    at: schedule.at ? localTime(schedule.at, schedule.time_zone) : "",
    zone: schedule.time_zone,
    how: howOf(schedule),
  };
}

/** How long its temporary scale lasts: of one that begins once, also until a time. Not positive: there is no such time. */
export function backMinutes({ back, when, at }: ScheduleDraft): number {
  if (back.unit !== "until") return minutesOf(back);
  return when === "once" && at && back.until ? minutesBetween(at, back.until) : 0;
}

export function bodyOf(draft: ScheduleDraft): ScheduleBody {
  const isTemporary = draft.kind === "temporary";
  const kind: ActionKind = draft.kind === "temporary" ? "scale" : draft.kind;
  const toNumber = isTemporary || (kind === "scale" && draft.goal === "number");
  return {
    name: draft.name.trim(),
    kind,
    workloads: kind === "scale" ? draft.targets : draft.targets.map(({ namespace, deployment }) => ({ namespace, deployment })),
    replicas: toNumber ? draft.replicas : null,
    ...fieldsOf(draft.how),
    cron: draft.when === "again" ? draft.cron.trim() : "",
    at: draft.when === "once" ? draft.at : "",
    time_zone: draft.zone,
    return_after_minutes: isTemporary ? Math.max(0, backMinutes(draft)) : 0,
  };
}

/** Which of the form's fields something the API says is about; empty: none of them. */
export function fieldOf(named: string): keyof ScheduleDraft | "" {
  const [first = ""] = named.split(".");
  const fields: Record<string, keyof ScheduleDraft> = {
    name: "name", cron: "cron", at: "at", time_zone: "zone", workloads: "targets", targets: "targets", replicas: "replicas", return_after_minutes: "back",
  };
  return fields[first] ?? "";
}

/** The same targets again where they are still chosen, with the numbers of their own; new ones without. */
export function chosen(keys: string[], before: ActionTarget[]): ActionTarget[] {
  const known = new Map(before.map((target) => [keyOf(target), target]));
  return keys.map((key) => {
    const [namespace = "", deployment = ""] = key.split("/");
    return known.get(key) ?? { namespace, deployment };
  });
}
