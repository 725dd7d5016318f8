import { useI18n } from "vue-i18n";
import { useActing } from "@/composables/useActing";
import { useSpan } from "@/composables/useSpan";
import { cronWords } from "@/format/cron";
import { zonedTime } from "@/format/zones";
import type { Schedule } from "@/types";

const SECONDS = 60;

/** What a schedule does, and when, in words. */
export function useScheduleWords() {
  const { t, locale } = useI18n();
  const { named } = useActing();
  const { span } = useSpan();

  function what(schedule: Schedule): string {
    if (schedule.parent) return t("schedules.isReturn");
    const back = schedule.return_after_minutes ? t("schedules.returnsAfter", { time: span(schedule.return_after_minutes * SECONDS) }) : "";
    return named(schedule) + back;
  }

  function when(schedule: Schedule): string {
    if (schedule.at) return zonedTime(schedule.at, schedule.time_zone, locale.value);
    const words = cronWords(schedule.cron ?? "", locale.value, (key, values) => t(`cron.${key}`, values ?? {}));
    return words || (schedule.cron ?? "");
  }

  return { what, when, inZone: (instant: string, zone: string) => zonedTime(instant, zone, locale.value) };
}
