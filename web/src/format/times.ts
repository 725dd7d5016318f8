/** Instants in the browser's zone, with the zone said. */

/** The zone as people know it: Asia/Shanghai, Europe/Berlin, UTC. */
export function zoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** 2026-11-24 15:20, and the seconds when wanted. */
export function clockTime(instant: string, options: { seconds?: boolean } = {}): string {
  const at = new Date(instant);
  const pad = (value: number) => String(value).padStart(2, "0");
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  const time = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
  return `${day} ${time}${options.seconds ? `:${pad(at.getSeconds())}` : ""}`;
}

const WRITTEN = /\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?\b/g;

/** A text in which times as programs write them are as people read them: an instant in the browser's zone, a local time as it is. */
export function readable(text: string): string {
  return text.replace(WRITTEN, (whole, day: string, time: string, zone?: string) => (zone ? clockTime(whole) : `${day} ${time}`));
}

/** The instant in full, for a title: 2026-11-24 15:20:34 Asia/Shanghai. */
export function exactTime(instant: string): string {
  return `${clockTime(instant, { seconds: true })} ${zoneName()}`;
}

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** Days of the calendar, in the browser's zone, from one instant to another. */
function calendarDays(from: Date, to: Date): number {
  const noon = (at: Date) => new Date(at.getFullYear(), at.getMonth(), at.getDate(), 12).getTime();
  return Math.round((noon(to) - noon(from)) / (DAY * 1000));
}

/** How far away, in the largest unit of which there is one. A day is one of the calendar: tomorrow is not in 24 hours. */
function distance(at: Date, now: number): [number, Intl.RelativeTimeFormatUnit] {
  const seconds = Math.round((at.getTime() - now) / 1000);
  const far = Math.abs(seconds);
  if (far < MINUTE) return [seconds, "second"];
  if (far < HOUR) return [Math.trunc(seconds / MINUTE), "minute"];
  if (far < DAY) return [Math.trunc(seconds / HOUR), "hour"];
  return [calendarDays(new Date(now), at), "day"];
}

/** 3 minutes ago; 3 分钟前: with a space between a digit and a character, as everywhere. */
export function ago(instant: string, locale: string, now: number): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  return format.format(...distance(new Date(instant), now)).replace(/(\d)(?=\p{Script=Han})/gu, "$1 ");
}

/** Days of the calendar between two dates written as 2026-11-24. */
export function daysBetween(older: string, newer: string): number {
  return Math.round((Date.parse(newer) - Date.parse(older)) / 86_400_000);
}

/** The date `days` later, as 2026-11-24. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}

/** A time of day as `18:30`, of what people type: 18:30, 1830, 8.30, 8; undefined: none. */
export function timeOf(typed: string): string | undefined {
  const found = /^(\d{1,2})(?:\s*[:.：]?\s*(\d\d))?$/.exec(typed.trim());
  if (!found || Number(found[1]) > 23 || Number(found[2] ?? 0) > 59) return undefined;
  return `${found[1]?.padStart(2, "0")}:${found[2] ?? "00"}`;
}
