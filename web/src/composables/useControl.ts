import { computed, ref, shallowRef, watch } from "vue";
import * as api from "@/api";
import { ApiError, cluster } from "@/api/client";
import type { Control } from "@/types";

const control = shallowRef<Control>();
const error = shallowRef<ApiError>();
const isSwitching = ref(false);
/** What pages say of control values is then what would be. */
const isOff = computed(() => control.value?.enabled === false);

/** The switch as the cluster has it: one state for the header and the door's page. */
export function useControl() {
  return { control, error, isOff, isSwitching, look, turn };
}

let isLookedAt = false;

async function look(): Promise<void> {
  isLookedAt = true;
  const asked = cluster.value;
  try {
    const answer = await api.getControl();
    if (asked !== cluster.value) return;
    control.value = answer;
    error.value = undefined;
  } catch (fault) {
    if (!(fault instanceof ApiError)) throw fault;
    if (asked === cluster.value) error.value = fault;
  }
}

/** Each cluster has a switch of its own. */
watch(cluster, () => {
  control.value = error.value = undefined;
  if (isLookedAt) void look();
});

/** Raises ApiError when the cluster refuses; the state shown is then what it was. */
async function turn(enabled: boolean, note: string): Promise<void> {
  isSwitching.value = true;
  try {
    const asked = cluster.value;
    const answer = await api.setControl(enabled, note);
    if (asked !== cluster.value) return;
    control.value = answer;
    error.value = undefined;
  } finally {
    isSwitching.value = false;
  }
}
