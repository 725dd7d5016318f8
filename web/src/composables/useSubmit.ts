import { computed, ref, shallowRef } from "vue";
import { ApiError } from "@/api/client";
import { say } from "@/locales/sentences";

/** Sends a form, once at a time. What the API says of one of `fields` is for that field, all else for the whole form. */
export function useSubmit(fields: readonly string[] = []) {
  const isBusy = ref(false);
  const fault = shallowRef<ApiError>();
  const isOfField = computed(() => fault.value !== undefined && fields.includes(fault.value.field));

  /** Whether it went well. */
  async function submit(send: () => Promise<unknown>): Promise<boolean> {
    if (isBusy.value) return false;
    isBusy.value = true;
    fault.value = undefined;
    try {
      await send();
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      fault.value = error;
      return false;
    } finally {
      isBusy.value = false;
    }
  }

  return {
    isBusy,
    submit,
    /** What was said of what has been changed since. */
    forget: () => (fault.value = undefined),
    error: computed(() => (isOfField.value ? undefined : fault.value)),
    problem: (field: string) => (isOfField.value && fault.value?.field === field ? say(fault.value.said) : ""),
  };
}
