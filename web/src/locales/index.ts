import { createI18n } from "vue-i18n";
import type { Language } from "element-plus/es/locale";
import { shallowRef } from "vue";
import type en from "./en";
import { sentences } from "./sentences";

export type Locale = "en" | "zh-CN";
export type Messages = typeof en;
export const LOCALES: { locale: Locale; name: string }[] = [
  { locale: "zh-CN", name: "简体中文" },
  { locale: "en", name: "English" },
];
const KEPT = "kubedoor.locale";

export const i18n = createI18n({ legacy: false, locale: "en" as string, missingWarn: false, fallbackWarn: false, messages: {} });
/** The texts inside Element Plus' own parts. */
export const elementLocale = shallowRef<Language>();

const loaders: Record<Locale, () => Promise<[Messages, Language, Record<string, string>]>> = {
  en: async () => {
    const [own, element] = await Promise.all([import("./en"), import("element-plus/es/locale/lang/en")]);
    return [own.default, element.default, {}];
  },
  "zh-CN": async () => {
    const [own, element, said] = await Promise.all([import("./zh-CN"), import("element-plus/es/locale/lang/zh-cn"), import("./zh-CN/sentences")]);
    return [own.default, element.default, said.sentences];
  },
};

/** The language remembered, else the browser's: public/first-paint.js has found it. */
export function firstLocale(): Locale {
  return document.documentElement.lang === "zh-CN" ? "zh-CN" : "en";
}

/** Switch without a reload; the texts are fetched the first time. */
export async function showLocale(locale: Locale): Promise<void> {
  const [messages, element, said] = await loaders[locale]();
  i18n.global.setLocaleMessage(locale, messages);
  elementLocale.value = element;
  sentences.value = said;
  i18n.global.locale.value = locale;
  document.documentElement.lang = locale;
}

/** Switch, and remember it. */
export async function chooseLocale(locale: Locale): Promise<void> {
  await showLocale(locale);
  try {
    localStorage.setItem(KEPT, locale);
  } catch {
    // Then it is asked for again next time.
  }
}
