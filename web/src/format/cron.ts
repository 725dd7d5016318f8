/** What a cron expression means, in words. The API decides what is valid and when it comes. Pure. */

const DESCRIPTORS: Record<string, string> = {
  "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
};
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const BOUNDS: [number, number, string[], number][] = [[0, 59, [], 0], [0, 23, [], 0], [1, 31, [], 0], [1, 12, MONTHS, 1], [0, 6, WEEKDAYS, 0]];
/** With more times of day than this, minutes and hours are told apart. */
const MOST_TIMES = 6;

interface Field {
  /** Restricts nothing: there is a `*` or `?` in it, without a step. */
  isEvery: boolean;
  /** What `*` is divided by, where there is nothing else; 0 otherwise. */
  step: number;
  /** Stretches from one number to another, in the order written. */
  spans: [number, number][];
}

type Fields = [Field, Field, Field, Field, Field];

export type Say = (key: string, values?: Record<string, string | number>) => string;

function numberOf(word: string, names: string[], first: number): number {
  const index = names.indexOf(word.toLowerCase());
  return index >= 0 ? index + first : /^\d+$/.test(word) ? Number(word) : NaN;
}

function fieldOf(word: string, [low, high, names, first]: [number, number, string[], number]): Field | undefined {
  const field: Field = { isEvery: false, step: 0, spans: [] };
  const parts = word.split(",");
  for (const part of parts) {
    const [span = "", stepWord] = part.split("/");
    const step = stepWord === undefined ? 1 : Number(stepWord);
    if (!(Number.isInteger(step) && step > 0)) return undefined;
    const isAll = span === "*" || span === "?";
    const [from, to] = isAll ? [low, high] : span.split("-").map((end) => numberOf(end, names, first));
    const last = to ?? (stepWord === undefined ? from : high);
    if (from === undefined || last === undefined || !(from >= low && last <= high && from <= last)) return undefined;
    if (isAll && step === 1) field.isEvery = true;
    else if (isAll && parts.length === 1) field.step = step;
    if (step === 1) field.spans.push([from, last]);
    else for (let value = from; value <= last; value += step) field.spans.push([value, value]);
  }
  return field;
}

export function fieldsOf(text: string): Fields | undefined {
  const words = (DESCRIPTORS[text.trim().toLowerCase()] ?? text.trim()).split(/\s+/);
  if (words.length !== BOUNDS.length) return undefined;
  const fields = BOUNDS.map((bounds, index) => fieldOf(words[index] ?? "", bounds));
  return fields.every((field) => field !== undefined) ? (fields as Fields) : undefined;
}

const singles = (field: Field) => (field.spans.every(([from, to]) => from === to) ? field.spans.map(([from]) => from) : undefined);
const pad = (value: number) => String(value).padStart(2, "0");

/** In words; empty when the expression is none, or one that a browser need not explain. */
export function cronWords(text: string, locale: string, say: Say): string {
  const fields = fieldsOf(text);
  if (!fields) return "";
  const list = (words: string[]) => new Intl.ListFormat(locale, { type: "conjunction" }).format(words);
  const named = (field: Field, name: (value: number) => string) => list(field.spans.map(([from, to]) => (from === to ? name(from) : say("range", { from: name(from), to: name(to) }))));
  const plain = (field: Field) => list(field.spans.map(([from, to]) => (from === to ? String(from) : `${from}–${to}`)));
  const weekday = (value: number) => new Intl.DateTimeFormat(locale, { weekday: locale.startsWith("zh") ? "short" : "long", timeZone: "UTC" }).format(Date.UTC(2023, 0, 1 + value));
  const month = (value: number) => new Intl.DateTimeFormat(locale, { month: "long", timeZone: "UTC" }).format(Date.UTC(2023, value - 1, 1));
  const [minutes, hours, days, months, weekdays] = fields;

  function times(): string {
    if (minutes.isEvery || minutes.step) {
      const every = minutes.isEvery ? say("everyMinute") : say("everyMinutes", { count: minutes.step });
      return hours.isEvery ? every : every + say("inHours", { hours: plain(hours) });
    }
    if (hours.isEvery) return say("minuteOfHour", { minutes: plain(minutes) });
    if (hours.step) return say("everyHours", { minutes: plain(minutes), count: hours.step });
    const [minute, hour] = [singles(minutes), singles(hours)];
    if (!minute || !hour || minute.length * hour.length > MOST_TIMES) return say("minutesOf", { minutes: plain(minutes), hours: plain(hours) });
    return say("at", { times: list(hour.flatMap((h) => minute.map((m) => `${pad(h)}:${pad(m)}`))) });
  }

  function dates(): string {
    if (days.isEvery && weekdays.isEvery) return say("everyDay");
    if (weekdays.isEvery) return say("onDays", { days: plain(days) });
    if (days.isEvery) return say("onWeekdays", { days: named(weekdays, weekday) });
    return say("either", { days: plain(days), weekdays: named(weekdays, weekday) });
  }

  return say("order", { days: dates(), times: times(), months: months.isEvery ? "" : say("inMonths", { months: named(months, month) }) });
}
