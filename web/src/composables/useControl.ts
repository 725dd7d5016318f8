import { ref, shallowRef } from "vue";
import * as api from "@/api";
import { ApiError } from "@/api/client";
import type { Control } from "@/types";

const control = shallowRef<Control>();
const error = shallowRef<ApiError>();
const isSwitching = ref(false);

/** The switch as the cluster has it: one state for the header and the door's page. */
export function useControl() {
  return { control, error, isSwitching, look, turn };
}

async function look(): Promise<void> {
  try {
    control.value = await api.getControl();
    error.value = undefined;
  } catch (fault) {
    if (!(fault instanceof ApiError)) throw fault;
    error.value = fault;
  }
}

/** Raises ApiError when the cluster refuses; the state shown is then what it was. */
async function turn(enabled: boolean): Promise<void> {
  isSwitching.value = true;
  try {
    control.value = await api.setControl(enabled);
    error.value = undefined;
  } finally {
    isSwitching.value = false;
  }
}
