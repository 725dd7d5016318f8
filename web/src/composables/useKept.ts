import { ref, watch, type Ref } from "vue";

/** A value this browser remembers. Where storage is forbidden it lasts as long as the page. */
export function useKept<T>(name: string, fallback: T, isValid: (value: unknown) => value is T): Ref<T> {
  const key = `kubedoor.${name}`;
  const kept = ref(read(key, fallback, isValid)) as Ref<T>;
  watch(kept, (value) => write(key, typeof value === "string" ? value : JSON.stringify(value)), { deep: true });
  return kept;
}

function read<T>(key: string, fallback: T, isValid: (value: unknown) => value is T): T {
  try {
    const text = localStorage.getItem(key);
    if (text === null) return fallback;
    const value: unknown = typeof fallback === "string" ? text : JSON.parse(text);
    return isValid(value) ? value : fallback;
  } catch {
    return fallback;
  }
}

function write(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // Nothing is lost but the memory of a preference.
  }
}
