import { useI18n } from "vue-i18n";
import { numberFormat } from "@/format/numbers";
import { canonical, shown } from "@/format/quantities";
import { useNow } from "@/composables/useNow";
import { ago, clockTime, exactTime, zoneName } from "@/format/times";
import type { Resource } from "@/types";

/** Numbers as the chosen language writes them, without the clock: a page of the list has a thousand places for them. */
export function useNumbers() {
  const { t, locale } = useI18n();
  const whole = (value: number) => numberFormat(locale.value).format(value);

  /** `isSet`: what somebody or something has set, and not what was measured or added up. */
  function quantity(resource: Resource, amount: number | null | undefined, isSet = false): string {
    if (amount === null || amount === undefined) return "–";
    const { number, unit } = shown(resource, Math.round(amount), isSet);
    return unit === "cores" ? t("unit.cores", { number }, Number(number)) : `${number}${unit}`;
  }

  function exact(resource: Resource, amount: number | null | undefined): string {
    if (amount === null || amount === undefined) return t("unit.notSet");
    const written = canonical(resource, amount);
    return t(resource === "cpu" ? "unit.millicores" : "unit.bytes", { number: whole(amount), written });
  }

  function percent(share: number, digits = 0): string {
    return numberFormat(locale.value, { style: "percent", maximumFractionDigits: digits }).format(share);
  }

  return { quantity, exact, percent, whole };
}

/** Numbers and times as the chosen language writes them. */
export function useFormat() {
  const { locale } = useI18n();
  const now = useNow();
  return {
    ...useNumbers(),
    time: clockTime,
    exactTime,
    zone: zoneName,
    ago: (instant: string) => ago(instant, locale.value, now.value),
  };
}
