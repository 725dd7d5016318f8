/** What an operator asks for: as the form holds it, and as the API reads it. Pure. */
import { zoneName } from "@/format/times";
import { backOf, emptyWhile, NO_RETURN, type While } from "./whiles";
import type { ActionBody, ActionDetail, ActionKind, ActionTarget, Planned } from "@/types";

/** What somebody may choose, in this order. */
export const ACTION_KINDS: readonly ActionKind[] = ["scale", "restart", "apply", "restore"];
export const MOST_TARGETS = 500;
export const MOST_REPLICAS = 100_000;
export const ORDERS = ["given", "name", "fewest_pods_first", "most_pods_first"] as const;
const SECONDS = 60;

/** How an action goes about it: schedules have the same. */
export interface How {
  atOnce: number;
  intervalSeconds: number;
  order: (typeof ORDERS)[number];
  stopOnFailure: boolean;
  deadlineMinutes: number;
  note: string;
}

/** What a menu offers: `temporary` is a scale for a while. */
export type ActChoice = ActionKind | "temporary";
export const ACT_CHOICES: readonly ActChoice[] = ["scale", "temporary", "restart", "apply", "restore"];

export interface Wish extends How {
  kind: ActionKind;
  /** Of a scale: to the control values, to a number, or to a number for a while. */
  goal: "control" | "number" | "while";
  replicas: number;
  back: While;
}

export interface Workloads {
  namespace: string;
  deployment: string;
}

export const keyOf = (one: Workloads) => `${one.namespace}/${one.deployment}`;

export function emptyHow(): How {
  return { atOnce: 1, intervalSeconds: 0, order: "given", stopOnFailure: true, deadlineMinutes: 10, note: "" };
}

export function emptyWish(choice: ActChoice, replicas = 1): Wish {
  const isTemporary = choice === "temporary";
  return { ...emptyHow(), kind: isTemporary ? "scale" : choice, goal: isTemporary ? "while" : "control", replicas, back: emptyWhile() };
}

interface Fields {
  at_once: number;
  interval_seconds: number;
  order: string;
  stop_on_failure: boolean;
  deadline_seconds: number;
  note: string;
}

export function howOf(given: Fields): How {
  return {
    atOnce: given.at_once,
    intervalSeconds: given.interval_seconds,
    order: ORDERS.find((one) => one === given.order) ?? "given",
    stopOnFailure: given.stop_on_failure,
    deadlineMinutes: Math.max(1, Math.round(given.deadline_seconds / SECONDS)),
    note: given.note,
  };
}

/** The same once more, for another action like this one. */
export function wishOf(action: ActionDetail): Wish {
  return { ...howOf(action), kind: action.kind, goal: action.replicas === null ? "control" : "number", replicas: action.replicas ?? 1, back: emptyWhile() };
}

export function fieldsOf(how: How) {
  return {
    at_once: how.atOnce,
    interval_seconds: how.intervalSeconds,
    order: how.order,
    stop_on_failure: how.stopOnFailure,
    deadline_seconds: how.deadlineMinutes * SECONDS,
    note: how.note.trim(),
  };
}

export function bodyOf(wish: Wish, targets: ActionTarget[], skipRefused: boolean): ActionBody {
  const replicas = wish.kind === "scale" && wish.goal !== "control" ? wish.replicas : null;
  const back = wish.kind === "scale" && wish.goal === "while" ? backOf(wish.back, zoneName()) : NO_RETURN;
  return { kind: wish.kind, workloads: targets, replicas, ...fieldsOf(wish), ...back, dry_run: false, skip_refused: skipRefused };
}

/** What the dry run depends on: when this is the same, its answer still holds. */
export function planKey(wish: Wish, targets: ActionTarget[]): string {
  const { kind, replicas, workloads, return_after_minutes: minutes, return_at: at } = bodyOf(wish, targets, false);
  return JSON.stringify([kind, replicas, workloads, minutes, at]);
}

const VERDICTS = ["refused", "will", "nothing"] as const;

/** What is refused comes first: it has to be seen. */
export function sorted(planned: Planned[]): Planned[] {
  return VERDICTS.flatMap((verdict) => planned.filter((one) => one.verdict === verdict));
}

/** Before and after, as the door's record has them. */
export function changesOf(planned: Planned): { before: Record<string, string | null>; after: Record<string, string | null> } {
  const found: [string, string | null, string | null][] = planned.changes.map((change) => [`${change.container} ${change.field}`, change.before, change.after]);
  if (planned.replicas_after !== null && planned.replicas_after !== planned.replicas_before) {
    found.unshift(["replicas", planned.replicas_before === null ? null : String(planned.replicas_before), String(planned.replicas_after)]);
  }
  return {
    before: Object.fromEntries(found.map(([name, before]) => [name, before])),
    after: Object.fromEntries(found.map(([name, , after]) => [name, after])),
  };
}

const NAMED = 3;

/** The workloads of an action by name: the namespace only where it is one workload, and how many are left out. */
export function namesOf(workloads: Workloads[], total = workloads.length): { names: string; more: number } {
  const shown = workloads.slice(0, NAMED);
  const names = total === 1 ? shown.map(keyOf) : shown.map((one) => one.deployment);
  return { names: names.join(", "), more: Math.max(0, total - shown.length) };
}
