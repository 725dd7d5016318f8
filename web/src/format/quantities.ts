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
const MEBIBYTE = 2n ** 20n;
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

const NANO = 9;

function isFraction(text: string, bytes: bigint): boolean {
  return scaled(text, NANO) !== bytes * 10n ** BigInt(NANO);
}

export type QuantityFault = "not_a_quantity" | "not_positive" | "too_large";

/** Millicores or bytes as a positive whole number, as the API stores it; or what is wrong with the text. */
export function readQuantity(resource: Resource, text: string): number | QuantityFault {
  const value = scaled(text.trim(), resource === "cpu" ? 3 : 0);
  if (value === undefined) return "not_a_quantity";
  if (value <= 0n) return "not_positive";
  if (value > LARGEST || (resource === "cpu" && value > BigInt(MOST_MILLICORES))) return "too_large";
  // A fraction of a byte is nothing that a pod can have: 1.4Gi is saved as 1434Mi.
  return Number(resource === "memory" && isFraction(text.trim(), value) ? wholeMebibytes(value) : value);
}

const LARGE_BINARY = Object.entries(BINARY).filter(([suffix]) => suffix !== "Ki").reverse();
/** What a number is a multiple of, and the units it is then written in, the greatest first: as kubedoor/quantities.py. */
const WAYS: [bigint, [string, bigint][]][] = [
  [MEBIBYTE, LARGE_BINARY],
  [10n ** 6n, [["E", 10n ** 18n], ["P", 10n ** 15n], ["T", 10n ** 12n], ["G", 10n ** 9n], ["M", 10n ** 6n]]],
  [2n ** 10n, [["Ki", 2n ** 10n]]],
  [1000n, [["k", 1000n]]],
];

/** Of spellings in units that are not smaller than what people compare. */
const LARGE = /[MGTPE]i?$/;

/** As people write it, and one way everywhere: 250m, 1.5, 2; 1.5Gi, 1100Mi, 512M; what no unit has exactly as whole Mi. */
export function canonical(resource: Resource, amount: number): string {
  if (amount < 0) return `-${canonical(resource, -amount)}`;
  if (resource === "cpu") return amount < 1000 ? (amount ? `${amount}m` : "0") : String(amount / 1000);
  const bytes = BigInt(Math.round(amount));
  const exact = short(bytes) ?? typed(bytes) ?? String(bytes);
  return amount > MIB && !LARGE.test(exact) ? (short(wholeMebibytes(bytes)) ?? exact) : exact;
}

/** Exact, with no more than two decimals. */
function short(bytes: bigint): string | undefined {
  for (const [least, units] of WAYS) {
    if (bytes <= 0n || bytes % least) continue;
    const unit = units.find(([, factor]) => bytes >= factor && (bytes * 100n) % factor === 0n);
    if (unit) return `${Number((bytes * 100n) / unit[1]) / 100}${unit[0]}`;
  }
  return undefined;
}

/** A spelling with one decimal whose fraction of a byte was rounded up: 1503238554 was 1.4Gi. */
function typed(bytes: bigint): string | undefined {
  for (const [suffix, factor] of LARGE_BINARY) {
    const tenths = (bytes * 10n) / factor;
    if (tenths >= 10n && ceilDivide(tenths * factor, 10n) === bytes) return `${Number(tenths) / 10}${suffix}`;
  }
  return undefined;
}

const wholeMebibytes = (bytes: bigint) => ceilDivide(bytes, MEBIBYTE) * MEBIBYTE;

/** For manifests: as `canonical`, but never a fraction of a byte. */
export function settable(resource: Resource, amount: number): string {
  return canonical(resource, roomOf(resource, amount));
}

/** What a request may be beside this limit: one that manifests cannot have exactly is written in whole mebibytes. */
export function roomOf(resource: Resource, limit: number): number {
  if (resource === "cpu") return limit;
  const exact = short(BigInt(limit));
  return exact && (limit < MIB || LARGE.test(exact)) ? limit : Number(wholeMebibytes(BigInt(limit)));
}

/** What is saved of a text that is a fraction of a byte: `1434Mi` of `1.4Gi`. */
export function savedAs(resource: Resource, text: string): string | undefined {
  const amount = readQuantity(resource, text);
  const exact = scaled(text.trim(), 0);
  return resource === "memory" && typeof amount === "number" && exact !== undefined && BigInt(amount) !== exact ? canonical(resource, amount) : undefined;
}

/** A quantity as an object has it, as it is written here: `1500m` is 1.5; what is none stays. */
export function respelled(resource: Resource, text: string): string {
  const value = scaled(text, resource === "cpu" ? 3 : 0);
  return value === undefined ? text : canonical(resource, Number(value));
}

export interface Shown {
  number: string;
  unit: "m" | "cores" | "B" | "k" | "M" | "G" | "T" | "P" | "E" | "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei";
}

/** As `canonical` if `isSet`, since what is set is written alike everywhere, or if that is short; else three digits, which is what a person compares by. */
export function shown(resource: Resource, amount: number, isSet = false): Shown {
  const exact = /^(-?[\d.]+)([a-zA-Z]*)$/.exec(canonical(resource, amount));
  const [, number = "", suffix = ""] = exact ?? [];
  if (isSet || number.replace(/\D/g, "").length <= SIGNIFICANT_DIGITS) {
    return { number, unit: (suffix || (resource === "cpu" ? (amount ? "cores" : "m") : "B")) as Shown["unit"] };
  }
  if (resource === "cpu") return { number: rounded(amount / 1000), unit: "cores" };
  const size = Math.abs(amount);
  if (size >= TIB) return { number: rounded(amount / TIB), unit: "Ti" };
  if (size >= GIB) return { number: rounded(amount / GIB), unit: "Gi" };
  return size >= MIB ? { number: rounded(amount / MIB), unit: "Mi" } : { number: rounded(amount / KIB), unit: "Ki" };
}

function rounded(value: number): string {
  const digits = Math.max(0, SIGNIFICANT_DIGITS - Math.max(1, Math.ceil(Math.log10(Math.abs(value) + Number.EPSILON))));
  return String(Number(value.toFixed(Math.min(digits, 2))));
}
