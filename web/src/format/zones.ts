/** Instants and local times of zones that need not be the browser's. Pure. */

/** Every zone that the browser knows, by its IANA name. */
export function zoneNames(): string[] {
  return [...new Set(["UTC", ...Intl.supportedValuesOf("timeZone")])].sort();
}

function partsOf(instant: string, zone: string): Record<string, string> {
  const options = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone } as const;
  const parts = new Intl.DateTimeFormat("en-US", options).formatToParts(new Date(instant));
  return Object.fromEntries(parts.map((part) => [part.type, part.value]));
}

/** The local time of an instant as a form's field has it: 2026-11-24T18:30. */
export function localTime(instant: string, zone: string): string {
  const { year, month, day, hour, minute } = partsOf(instant, zone);
  return `${year}-${month}-${day}T${hour}:${minute}`;
}

/** Tue 2026-11-24 18:30, in that zone. A zone that the browser does not know: in UTC, which is then said. */
export function zonedTime(instant: string, zone: string, locale: string): string {
  try {
    const weekday = new Intl.DateTimeFormat(locale, { weekday: "short", timeZone: zone }).format(new Date(instant));
    return `${weekday} ${localTime(instant, zone).replace("T", " ")}`;
  } catch {
    return `${zonedTime(instant, "UTC", locale)} UTC`;
  }
}
