import { onScopeDispose } from "vue";

export type Hotkey = "palette" | "search" | "help";

/** Which one was pressed; undefined: none, or it is text for a field. */
export function hotkeyOf(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "isComposing" | "target">): Hotkey | undefined {
  if (event.isComposing || event.altKey) return undefined;
  if (event.ctrlKey || event.metaKey) return event.key.toLowerCase() === "k" ? "palette" : undefined;
  const target = event.target;
  if (target instanceof HTMLElement && (target.isContentEditable || target.closest("input, textarea, select, [role=combobox]"))) return undefined;
  return event.key === "/" ? "search" : event.key === "?" ? "help" : undefined;
}

const isShown = (element: HTMLElement) => element.checkVisibility?.() ?? true;

/** Puts the cursor into the page's own search field; false: it has none. */
export function focusSearch(): boolean {
  const field = [...document.querySelectorAll<HTMLInputElement>("#content input[type=search]")].find(isShown);
  field?.focus();
  field?.select();
  return field !== undefined;
}

/** Keys that work on every page, but not behind a dialog. */
export function useHotkeys(act: (key: Hotkey) => void): void {
  function pressed(event: KeyboardEvent): void {
    const key = event.defaultPrevented ? undefined : hotkeyOf(event);
    if (!key || [...document.querySelectorAll<HTMLElement>(".el-overlay")].some(isShown)) return;
    event.preventDefault();
    act(key);
  }
  document.addEventListener("keydown", pressed);
  onScopeDispose(() => document.removeEventListener("keydown", pressed));
}
