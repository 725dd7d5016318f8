import { describe, expect, test } from "vitest";
import { axisOf } from "@/format/axis";
import { canonical, GIB, MIB, readQuantity, shown } from "@/format/quantities";

describe("readQuantity", () => {
  test.each([
    ["cpu", "250m", 250], ["cpu", "1.5", 1500], ["cpu", "2", 2000], ["cpu", "0.5", 500], ["cpu", "250u", 1], ["cpu", "1e1", 10_000], ["cpu", ".5", 500], ["cpu", " 3 ", 3000],
    ["memory", "512Mi", 512 * MIB], ["memory", "1.5Gi", 1.5 * GIB], ["memory", "1G", 1e9], ["memory", "128974848000m", 128974848], ["memory", "1e3", 1000], ["memory", "1E", 1e18],
  ] as const)("reads %s %s as %d", (resource, text, amount) => expect(readQuantity(resource, text)).toBe(amount));

  test.each([
    ["cpu", "lots", "not_a_quantity"], ["cpu", "1,5", "not_a_quantity"], ["cpu", "1 m", "not_a_quantity"], ["memory", "1KI", "not_a_quantity"], ["memory", "", "not_a_quantity"],
    ["cpu", "0", "not_positive"], ["cpu", "-1", "not_positive"], ["memory", "-5Mi", "not_positive"], ["cpu", "5000000", "too_large"], ["memory", "8Ei", "too_large"],
  ] as const)("finds that %s %s is %s", (resource, text, fault) => expect(readQuantity(resource, text)).toBe(fault));
});

describe("canonical", () => {
  test.each([
    ["cpu", 1500, "1500m"], ["cpu", 2000, "2"], ["memory", 1536 * MIB, "1536Mi"], ["memory", 2 * GIB, "2Gi"], ["memory", 1000, "1000"],
  ] as const)("writes %s %d as %s", (resource, amount, text) => expect(canonical(resource, amount)).toBe(text));

  test("is read back as the same amount", () => {
    for (const amount of [1, 999, 1024, 123456789, 7 * MIB, 3 * GIB + 1]) {
      expect(readQuantity("memory", canonical("memory", amount))).toBe(amount);
    }
  });
});

describe("shown", () => {
  test.each([
    ["cpu", 250, "250m"], ["cpu", 1500, "1.5cores"], ["cpu", 93663, "93.7cores"], ["cpu", 166900, "167cores"], ["cpu", 12_345_678, "12346cores"],
    ["memory", 512 * MIB, "512Mi"], ["memory", 1.5 * GIB, "1.5Gi"], ["memory", 320 * GIB, "320Gi"], ["memory", 2048 * GIB, "2Ti"], ["memory", 12, "12B"],
  ] as const)("shows %s %d as %s", (resource, amount, text) => {
    const { number, unit } = shown(resource, amount);
    expect(number + unit).toBe(text);
  });
});

describe("axisOf", () => {
  test.each([
    ["cpu", 167_000, 50_000], ["cpu", 1_700, 500], ["cpu", 90, 25], ["memory", 320 * GIB, 100 * GIB], ["memory", 1.7 * GIB, 512 * MIB],
  ] as const)("steps %s up to %d by %d", (resource, greatest, interval) => {
    const axis = axisOf(resource, greatest);
    expect(axis.interval).toBe(interval);
    expect(axis.max).toBeGreaterThan(greatest);
  });
});
