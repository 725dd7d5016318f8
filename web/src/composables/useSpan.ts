import { useI18n } from "vue-i18n";

const STEPS = [
  ["days", 86_400],
  ["hours", 3600],
  ["minutes", 60],
] as const;

/** How long something took, in its two greatest units: 3 min 20 s. */
export function useSpan() {
  const { t } = useI18n();
  const written = (name: string, count: number) => t(`span.${name}`, { count });

  function span(seconds: number): string {
    if (seconds < 10) return written("seconds", Math.max(0, Math.round(seconds * 10) / 10));
    let rest = Math.round(seconds);
    const parts: string[] = [];
    for (const [name, size] of STEPS) {
      const count = Math.floor(rest / size);
      if (count) parts.push(written(name, count));
      rest -= count * size;
    }
    if (rest) parts.push(written("seconds", rest));
    return parts.slice(0, 2).join(" ");
  }

  return { span, between: (from: string, to: string | number) => span((new Date(to).getTime() - new Date(from).getTime()) / 1000) };
}
