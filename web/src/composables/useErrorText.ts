import { useI18n } from "vue-i18n";
import type { ApiError } from "@/api/client";
import { say } from "@/locales/sentences";

/** What went wrong, in the reader's language where we know the code, with the API's words beside it. */
export function useErrorText() {
  const { t, te } = useI18n();
  return (error: ApiError): { what: string; why: string } => {
    const key = `error.${error.code}`;
    return { what: t(te(key) ? key : "error.unknown", { status: error.status }), why: say(error.said) };
  };
}
