/** Round steps for an axis of millicores or bytes, as people divide cores and Gi. Pure. */
import type { Resource } from "@/types";
import { GIB, KIB, MIB } from "./quantities";

const PARTS = 4;
const NICE = [1, 2, 2.5, 5, 10];
/** Halves and quarters of a unit of memory are round in the unit below it, too; tenths are not. */
const HALVES = [1.25, 2.5, 5, 10];
const UNITS: Record<Resource, number[]> = { cpu: [1, 1000], memory: [1, KIB, MIB, GIB, GIB * KIB] };

/** The axis' end and the step between its lines, for values up to `greatest`. */
export function axisOf(resource: Resource, greatest: number): { max: number; interval: number } {
  const raw = Math.max(greatest * 1.04, 1) / PARTS;
  const unit = UNITS[resource].filter((one) => one <= raw * 4).at(-1) ?? 1;
  const power = 10 ** Math.floor(Math.log10(raw / unit));
  const steps = resource === "memory" && raw < unit ? HALVES : NICE;
  const interval = (steps.find((step) => step * power * unit >= raw) ?? 10) * power * unit;
  return { max: interval * Math.ceil((greatest * 1.04) / interval || 1), interval };
}

/** The same where values may be below zero, which is then one of the lines. */
export function signedAxisOf(resource: Resource, values: readonly number[]): { min: number; max: number; interval: number } {
  const [least, greatest] = [Math.min(0, ...values), Math.max(0, ...values)];
  const { interval } = axisOf(resource, greatest - least);
  const ends = (amount: number) => interval * Math.ceil((amount * 1.04) / interval);
  return { min: -ends(-least) || 0, max: ends(greatest) || (least < 0 ? 0 : interval), interval };
}
