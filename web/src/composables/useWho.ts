import { useI18n } from "vue-i18n";

const SCHEDULE = /^schedule (.+)$/s;

/** Who did something, as people call it: a schedule signs with its name, and no user's name has a space. */
export function useWho(): (who: string) => string {
  const { t } = useI18n();
  return (who) => {
    const name = SCHEDULE.exec(who)?.[1];
    return name === undefined ? who : t("actions.bySchedule", { name });
  };
}
