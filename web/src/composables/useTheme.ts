import { computed, effectScope, ref, watchEffect } from "vue";
import { useKept } from "./useKept";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const isTheme = (value: unknown): value is Theme => THEMES.includes(value as Theme);

// For as long as the page is there, not for as long as whoever asked first.
const { theme, isDark } = effectScope(true).run(() => {
  const chosen = useKept<Theme>("theme", "system", isTheme);
  const preference = matchMedia("(prefers-color-scheme: dark)");
  const systemIsDark = ref(preference.matches);
  preference.addEventListener("change", (event) => (systemIsDark.value = event.matches));
  const dark = computed(() => chosen.value === "dark" || (chosen.value === "system" && systemIsDark.value));
  watchEffect(() => document.documentElement.classList.toggle("dark", dark.value));
  return { theme: chosen, isDark: dark };
}) as { theme: ReturnType<typeof useKept<Theme>>; isDark: ReturnType<typeof computed<boolean>> };

export function useTheme() {
  return { theme, isDark, themes: THEMES };
}
