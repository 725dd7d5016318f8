/** How long a temporary scale lasts: as the form holds it, and as the API reads it. Pure. */
const MINUTES_OF_HOUR = 60;

export const WHILE_UNITS = ["minutes", "hours", "until"] as const;
export const MOST_MINUTES = 43_200;

export interface While {
  unit: (typeof WHILE_UNITS)[number];
  amount: number;
  /** Local time: 2026-11-24T18:30; only of `until`. */
  until: string;
}

export const NO_RETURN = { return_after_minutes: 0, return_at: "", time_zone: "" };

export const emptyWhile = (): While => ({ unit: "hours", amount: 2, until: "" });

export const minutesOf = (given: While) => (given.unit === "hours" ? given.amount * MINUTES_OF_HOUR : given.amount);

/** Minutes as people say them: whole hours as hours. */
export function whileOf(minutes: number): While {
  const isHours = minutes > 0 && minutes % MINUTES_OF_HOUR === 0;
  return { ...emptyWhile(), unit: isHours ? "hours" : "minutes", amount: isHours ? minutes / MINUTES_OF_HOUR : minutes };
}

/** `zone`: in which `until` is meant. */
export function backOf(given: While, zone: string) {
  return given.unit === "until" ? { return_after_minutes: 0, return_at: given.until, time_zone: zone } : { ...NO_RETURN, return_after_minutes: minutesOf(given) };
}

/** Whether there is something to ask the API. */
export const isWhole = (given: While) => given.unit !== "until" || given.until !== "";

/** Minutes from one local time to another one of the same zone; daylight saving is the API's to judge. */
export const minutesBetween = (from: string, to: string) => Math.round((Date.parse(`${to}Z`) - Date.parse(`${from}Z`)) / 60_000);
