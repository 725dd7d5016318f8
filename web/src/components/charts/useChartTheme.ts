import { computed } from "vue";
import { useTheme } from "@/composables/useTheme";

const NAMES = ["ink", "ink-2", "ink-3", "line", "line-strong", "surface", "used", "asked-line", "asked", "hand", "under-fill", "over-fill", "info"] as const;
export type ChartColours = Record<(typeof NAMES)[number], string>;

/** The palette as canvas needs it, anew when the theme changes. */
export function useChartTheme() {
  const { isDark } = useTheme();
  return computed(() => {
    // Read for the sake of the dependency: the class on the root element is what changes the values.
    document.documentElement.classList.toggle("dark", isDark.value);
    const style = getComputedStyle(document.documentElement);
    const colours = Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--${name}`).trim()])) as ChartColours;
    const font = style.getPropertyValue("--font").trim();
    return {
      colours,
      text: { fontFamily: font, color: colours["ink-2"], fontSize: 12 },
      axis: {
        axisLine: { lineStyle: { color: colours["line-strong"] } },
        axisTick: { show: false },
        axisLabel: { color: colours["ink-3"], fontFamily: font, fontSize: 11.5 },
        splitLine: { lineStyle: { color: colours.line } },
      },
      tooltip: {
        trigger: "axis" as const,
        backgroundColor: colours.surface,
        borderColor: colours["line-strong"],
        padding: [8, 12],
        textStyle: { color: colours.ink, fontFamily: font, fontSize: 12.5 },
        confine: true,
      },
    };
  });
}
