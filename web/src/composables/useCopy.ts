import { ref } from "vue";

const SHOWN_MS = 4000;

/** Copies a text; `outcome` is for a few seconds what came of it. */
export function useCopy() {
  const outcome = ref<"" | "copied" | "failed">("");
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function copy(text: string, beside: HTMLElement): Promise<void> {
    outcome.value = (await toClipboard(text)) || bySelection(text, beside) ? "copied" : "failed";
    clearTimeout(timer);
    if (outcome.value === "copied") timer = setTimeout(() => (outcome.value = ""), SHOWN_MS);
  }

  return { outcome, copy };
}

/** Only pages from HTTPS or from this very machine have a clipboard. */
async function toClipboard(text: string): Promise<boolean> {
  if (!window.isSecureContext) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** The old way, for HTTP in a cluster. In the dialog itself, since a dialog does not let the focus go elsewhere. */
function bySelection(text: string, beside: HTMLElement): boolean {
  const area = document.createElement("textarea");
  area.value = text;
  area.readOnly = true;
  area.style.cssText = "position: fixed; opacity: 0";
  beside.append(area);
  area.select();
  const isDone = document.execCommand("copy");
  area.remove();
  return isDone;
}
