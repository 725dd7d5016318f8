import { computed, ref } from "vue";
import { useI18n } from "vue-i18n";
import { useInterval } from "@/composables/useInterval";
import type { Schedule } from "@/types";
import { temporaryScales, untilText, type TemporaryScale } from "./temporary";

const MINUTE_MS = 60_000;

/** What a return ends, in numbers: as a line, and for whoever ends, keeps or deletes it. */
export function useTemporary(schedule: () => Schedule, isNamed: () => boolean = () => false) {
  const { t } = useI18n();
  const now = ref(new Date());
  const lines = computed(() => temporaryScales(schedule()));

  function told(one: TemporaryScale) {
    const names = one.more ? t("act.names", { names: one.names, count: one.more }) : one.names;
    return { names, now: one.now ?? "–", then: one.then ?? t("schedules.unknown"), until: untilText(schedule().at ?? "", now.value) };
  }

  const sentences = computed(() => ({
    line: lines.value.map((one) => t(isNamed() ? "schedules.temporary" : "schedules.temporaryOf", told(one))),
    end: lines.value.map((one) => t("schedules.endText", told(one))),
    keep: lines.value.map((one) => t("schedules.keepText", told(one))),
  }));

  useInterval(() => (now.value = new Date()), MINUTE_MS);
  return { lines, sentences };
}
