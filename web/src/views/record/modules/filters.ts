/** The filters of the record as its address has them, and as the API is asked. Pure. */

export const DEFAULTS = { tab: "changes", who: "", action: "", target: "", outcome: "", time: "", since: "", until: "" };
export type RecordState = typeof DEFAULTS;
export type SetState = (changes: Partial<RecordState>) => void;
export const NO_FILTERS: Partial<RecordState> = { who: "", action: "", target: "", outcome: "", time: "", since: "", until: "" };

const HOUR_MS = 3_600_000;
export const TIMES = { hour: HOUR_MS, day: 24 * HOUR_MS, week: 7 * 24 * HOUR_MS, month: 30 * 24 * HOUR_MS } as const;
export type Time = keyof typeof TIMES;
export const isTime = (text: string): text is Time => text in TIMES;

export const ACTIONS: Record<string, readonly string[]> = {
  workloads: ["workload.add", "workload.edit", "workload.remove", "workload.scale", "workload.restart", "workload.apply", "workload.restore", "conditions.accept", "conditions.withdraw"],
  door: ["control.on", "control.off"],
  collections: ["collection.start", "collection.cancel"],
  schedules: ["schedule.create", "schedule.change", "schedule.pause", "schedule.resume", "schedule.run", "schedule.delete"],
  people: [
    "session.log-in", "session.log-out", "user.create", "user.role", "user.delete", "user.restore", "user.log-out", "password.change", "password.reset", "token.create", "token.revoke",
  ],
  notifications: ["channel.create", "channel.change", "channel.delete"],
};

/** `workload.edit` as part of the key of a text. */
export const keyOf = (action: string) => action.replaceAll(/[.-]/g, "_");

export interface Asked {
  who?: string;
  action?: string;
  target?: string;
  outcome?: string;
  since?: string;
  until?: string;
}

/** What the API is asked; a time like "the last day" is counted back from `now`. */
export function asked(state: RecordState, now: number): Asked {
  const found: Asked = {};
  for (const name of ["who", "action", "target", "outcome"] as const) if (state[name]) found[name] = state[name];
  if (isTime(state.time)) found.since = new Date(now - TIMES[state.time]).toISOString();
  else if (state.time === "range") {
    if (isInstant(state.since)) found.since = state.since;
    if (isInstant(state.until)) found.until = state.until;
  }
  return found;
}

const isInstant = (text: string) => !Number.isNaN(Date.parse(text));

/** An instant as a field for date and time wants it, in the browser's zone; empty for none. */
export function toField(instant: string): string {
  if (!isInstant(instant)) return "";
  const at = new Date(instant);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** And back, as an instant that means the same to whoever gets the link. */
export function fromField(text: string): string {
  return isInstant(text) ? new Date(text).toISOString() : "";
}
