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

/** The instant in full, for a title: 2026-11-24 15:20:34 Asia/Shanghai. */
export function exactTime(instant: string): string {
  return `${clockTime(instant, { seconds: true })} ${zoneName()}`;
}

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** 3 minutes ago; 3 分钟前: with a space between a digit and a character, as everywhere. */
export function ago(instant: string, locale: string, now: number): string {
  const seconds = (new Date(instant).getTime() - now) / 1000;
  const format = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const [unit, size] = STEPS.find(([, step]) => Math.abs(seconds) >= step) ?? (["second", 1] as const);
  return format.format(Math.round(seconds / size), unit).replace(/(\d)(?=\p{Script=Han})/gu, "$1 ");
}

/** Days of the calendar between two dates written as 2026-11-24. */
export function daysBetween(older: string, newer: string): number {
  return Math.round((Date.parse(newer) - Date.parse(older)) / 86_400_000);
}

/** The date `days` later, as 2026-11-24. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(day) + days * 86_400_000).toISOString().slice(0, 10);
}
