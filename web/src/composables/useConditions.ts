import { useI18n } from "vue-i18n";
import { fieldKey, fieldsByContainer, sentenceKey, sentenceValues, spaced, type ConditionGroup } from "@/format/conditions";
import type { Condition, Withheld } from "@/types";
import { useNumbers } from "./useFormat";

/** Conditions in the reader's words. What this version does not know is said as the server says it. */
export function useConditions() {
  const { t, te, locale } = useI18n();
  const { percent } = useNumbers();
  const isEnglish = () => locale.value === "en";
  const known = (key: string, otherwise: string) => (te(key) ? t(key) : otherwise);
  const name = (type: string) => known(`condition.name.${type}`, type);
  const names = (types: readonly string[]) => types.map(name).join(t("condition.comma"));

  /** In English the server's own sentence. */
  function sentence(condition: Condition): string {
    if (isEnglish() && condition.message) return condition.message;
    const key = `condition.sentence.${sentenceKey(condition)}`;
    if (!te(key)) return condition.message;
    const text = t(key, sentenceValues(condition, t, percent));
    return isEnglish() ? text : spaced(text);
  }

  const field = (column: string) => known(`condition.field.${fieldKey(column)}`, column);

  /** `cart: CPU request, memory request`. */
  function fields(withholds: readonly Withheld[]): { container: string; text: string }[] {
    return fieldsByContainer(withholds).map(([container, columns]) => ({ container, text: columns.map(field).join(t("condition.comma")) }));
  }

  /** A group in one line, for a title. */
  const line = (group: ConditionGroup) => t("condition.hint", { name: name(group.type), sentence: group.conditions.map(sentence).join(" ") });

  return { name, names, sentence, fields, line };
}
