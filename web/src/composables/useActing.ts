import { computed } from "vue";
import { useI18n } from "vue-i18n";
import type { Action } from "@/types";
import { useClusters } from "./useClusters";
import { useControl } from "./useControl";
import { useFormat } from "./useFormat";
import { useSession } from "./useSession";

/** Whether somebody may act on the cluster, and what actions are called. */
export function useActing() {
  const { t } = useI18n();
  const { said } = useFormat();
  const { canEdit } = useSession();
  const { control } = useControl();
  const { noAccess } = useClusters();

  /** Why nothing can be done here; empty: it can. */
  const whyNot = computed(() => {
    if (!canEdit.value) return t("act.viewer");
    if (noAccess.value) return said(noAccess.value);
    const { enabled, reason } = control.value ?? {};
    // A cluster that only does not say whether the door is on may well be acted in: its own answer will tell.
    return enabled === null && reason?.includes("no cluster is configured") ? t("act.noCluster", { reason: said(reason) }) : "";
  });

  function named(action: Pick<Action, "kind" | "replicas">): string {
    if (action.kind !== "scale") return t(`act.named.${action.kind}`);
    return action.replicas === null ? t("act.named.toControl") : t("act.named.toNumber", { count: action.replicas });
  }

  /** Who did it, and by which way where that is not the usual one. */
  function by({ who, via }: Pick<Action, "who" | "via">): string {
    if (via === "schedule") return t("actions.bySchedule", { name: who.replace(/^schedule /, "") });
    return via === "session" ? who : t("actions.byOther", { who, via: t(`actions.via.${via}`) });
  }

  return { whyNot, named, by };
}
