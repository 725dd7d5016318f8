import { shallowRef } from "vue";
import { readable } from "@/format/times";
import type { components } from "@/api/schema";

/** A sentence of the server's: its code, its parameters, and its text in English. */
export type Said = components["schemas"]["SaidAnswer"];

/** A text without a code. */
export const unsaid = (text: string): Said => ({ code: "", parameters: {}, text });

/** By code, in the chosen language; of English there is none, since the server says it. */
export const sentences = shallowRef<Readonly<Record<string, string>>>({});

/** Parameters in which the door names fields, beside numbers. */
const WITH_FIELDS = new Set(["changes", "change", "resource", "field", "fields", "parts"]);
const named = (text: string) => text.replace(/\b(?:cpu|memory)(?: (?:request|limit))?(?![\w-])|\breplicas\b/g, (name) => sentences.value[`name.${name}`] ?? name);

/** In the reader's language. What has no code, or one that this version does not know, is shown as it came. */
export function say(said: Said | null | undefined): string {
  const words = said && sentences.value[said.code];
  if (!words) return said ? spoken(said) : "";
  return words.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = said.parameters[name];
    const shown = typeof value === "object" ? say(value) : readable(String(value ?? whole));
    return WITH_FIELDS.has(name) && said.code.startsWith("door.") ? named(shown) : shown;
  });
}

/** The server's own text, with the times among its parameters as people read them. */
function spoken({ text, parameters }: Said): string {
  const given = Object.values(parameters).map((value) => (typeof value === "object" ? [value.text, spoken(value)] : [String(value), readable(String(value))]));
  return given.reduce((found, [as = "", shown = ""]) => (as === shown ? found : found.replaceAll(as, shown)), text);
}
