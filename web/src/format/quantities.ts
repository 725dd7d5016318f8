/**
 * Kubernetes quantities for people: read as they type them, shown as they say them.
 * Grammar: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. The API reads them again;
 * this is only so that a mistake shows while one types, so it must accept exactly what kubedoor/quantities.py accepts.
 */
import type { Resource } from "@/types";

const DECIMAL: Record<string, number> = { n: -9, u: -6, m: -3, "": 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 };
const BINARY: Record<string, bigint> = {
  Ki: 2n ** 10n,
  Mi: 2n ** 20n,
  Gi: 2n ** 30n,
  Ti: 2n ** 40n,
  Pi: 2n ** 50n,
  Ei: 2n ** 60n,
};
const QUANTITY = /^([+-]?)(\d+(?:\.\d*)?|\.\d+)(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,3}))?$/;
const LARGEST = 2n ** 63n - 1n;
const MOST_MILLICORES = 2 ** 32 - 1;
const SIGNIFICANT_DIGITS = 3;
export const KIB = 2 ** 10;
export const MIB = 2 ** 20;
export const GIB = 2 ** 30;
const TIB = 2 ** 40;

/** The number times 10^shift, rounded up to a whole one; undefined for what is no quantity. */
function scaled(text: string, shift: number): bigint | undefined {
  const match = QUANTITY.exec(text);
  if (!match) return undefined;
  const [, sign = "", number = "", suffix = "", exponent] = match;
  const [whole = "", fraction = ""] = number.split(".");
  const power = shift - fraction.length + (exponent ? Number(exponent) : (DECIMAL[suffix] ?? 0));
  const mantissa = BigInt(`${whole}${fraction}` || "0") * (BINARY[suffix] ?? 1n);
  const value = power >= 0 ? mantissa * 10n ** BigInt(power) : ceilDivide(mantissa, 10n ** BigInt(-power));
  return sign === "-" ? -value : value;
}

function ceilDivide(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

export type QuantityFault = "not_a_quantity" | "not_positive" | "too_large";

/** Millicores or bytes as a positive whole number, or what is wrong with the text. */
export function readQuantity(resource: Resource, text: string): number | QuantityFault {
  const value = scaled(text.trim(), resource === "cpu" ? 3 : 0);
  if (value === undefined) return "not_a_quantity";
  if (value <= 0n) return "not_positive";
  if (value > LARGEST || (resource === "cpu" && value > BigInt(MOST_MILLICORES))) return "too_large";
  return Number(value);
}

/** As Kubernetes writes it, exactly: 1500 -> 1500m, 2000 -> 2; 1610612736 -> 1536Mi. */
export function canonical(resource: Resource, amount: number): string {
  if (resource === "cpu") return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
  for (const [suffix, factor] of Object.entries(BINARY).reverse()) {
    if (amount && BigInt(amount) % factor === 0n) return `${BigInt(amount) / factor}${suffix}`;
  }
  return String(amount);
}

export interface Shown {
  number: string;
  /** m, cores, Ki, Mi, Gi or Ti. */
  unit: "m" | "cores" | "B" | "Ki" | "Mi" | "Gi" | "Ti";
}

/** Three significant digits, which is what a person compares by. */
export function shown(resource: Resource, amount: number): Shown {
  if (resource === "cpu") {
    return Math.abs(amount) < 1000 ? { number: String(Math.round(amount)), unit: "m" } : { number: rounded(amount / 1000), unit: "cores" };
  }
  const size = Math.abs(amount);
  if (size >= TIB) return { number: rounded(amount / TIB), unit: "Ti" };
  if (size >= GIB) return { number: rounded(amount / GIB), unit: "Gi" };
  if (size >= MIB) return { number: rounded(amount / MIB), unit: "Mi" };
  if (size >= KIB) return { number: rounded(amount / KIB), unit: "Ki" };
  return { number: String(Math.round(amount)), unit: "B" };
}

function rounded(value: number): string {
  const digits = Math.max(0, SIGNIFICANT_DIGITS - Math.max(1, Math.ceil(Math.log10(Math.abs(value) + Number.EPSILON))));
  return String(Number(value.toFixed(Math.min(digits, 2))));
}
