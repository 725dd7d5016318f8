import { computed } from "vue";
import { useI18n } from "vue-i18n";
import { namesOf } from "@/components/acting/wishes";
import { say } from "@/locales/sentences";
import type { Action } from "@/types";
import { useClusters } from "./useClusters";
import { useControl } from "./useControl";
import { useSession } from "./useSession";

const NO_CLUSTER = ["cluster.none", "cluster.not_configured"];

/** Whether somebody may act on the cluster, and what actions are called. */
export function useActing() {
  const { t } = useI18n();
    const { canEdit } = useSession();
  const { control } = useControl();
  const { noAccess } = useClusters();

  /** Why nothing can be done here; empty: it can. */
  const whyNot = computed(() => {
    if (!canEdit.value) return t("act.viewer");
    if (noAccess.value) return say(noAccess.value);
    const { enabled, reason_said: reason } = control.value ?? {};
    // A cluster that only does not say whether the door is on may well be acted in: its own answer will tell.
    return enabled === null && reason && NO_CLUSTER.includes(reason.code) ? t("act.noCluster", { reason: say(reason) }) : "";
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

  /** The first workloads of an action by name, and how many more there are. */
  function onWhich({ workloads, total }: Pick<Action, "workloads" | "total">): string {
    const { names, more } = namesOf(workloads, total);
    return more ? t("act.names", { names, count: more }) : names;
  }

  return { whyNot, named, by, onWhich };
}
