import { describe, expect, test } from "vitest";
import { axisOf } from "@/format/axis";
import { canonical, GIB, MIB, readQuantity, respelled, roomOf, savedAs, settable, shown } from "@/format/quantities";

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
    ["cpu", 0, "0"], ["cpu", 250, "250m"], ["cpu", 1500, "1.5"], ["cpu", 1234, "1.234"], ["cpu", 2000, "2"], ["cpu", -1500, "-1.5"], ["memory", 1536 * MIB, "1.5Gi"], ["memory", 1100 * MIB, "1100Mi"], ["memory", 2 * GIB, "2Gi"],
    ["memory", 512e6, "512M"], ["memory", 1000, "1k"], ["memory", 999, "999"], ["memory", 1503238554, "1.4Gi"], ["memory", 398123456, "380Mi"],
  ] as const)("writes %s %d as %s", (resource, amount, text) => expect(canonical(resource, amount)).toBe(text));

  test("is read back as the same amount", () => {
    for (const amount of [1, 999, 1024, 512e6, 7 * MIB, 3 * GIB]) {
      expect(readQuantity("memory", canonical("memory", amount))).toBe(amount);
    }
  });
});

describe("what is set", () => {
  test("is a whole number of bytes, and says so where it is not what was typed", () => {
    expect(readQuantity("memory", "1.4Gi")).toBe(1434 * MIB);
    expect(savedAs("memory", "1.4Gi")).toBe("1434Mi");
    expect(["1.5Gi", "512M", "lots"].map((text) => savedAs("memory", text))).toEqual([undefined, undefined, undefined]);
    expect(savedAs("cpu", "0.0005")).toBeUndefined();
  });

  test("may be a request that is above a limit by rounding alone", () => {
    expect(roomOf("memory", 1503238554)).toBe(1434 * MIB);
    expect(roomOf("memory", 512_000_000)).toBe(512_000_000);
    expect(roomOf("cpu", 1500)).toBe(1500);
  });

  test("is never a fraction of a byte in a manifest", () => {
    expect([1503238554, 512e6, 1536 * MIB].map((amount) => settable("memory", amount))).toEqual(["1434Mi", "512M", "1.5Gi"]);
  });
});

describe("respelled", () => {
  test.each([["cpu", "1500m", "1.5"], ["memory", "1503238553600m", "1.4Gi"], ["memory", "500000Ki", "512M"], ["cpu", "none", "none"]] as const)(
    "writes %s %s as %s", (resource, text, want) => expect(respelled(resource, text)).toBe(want),
  );
});

describe("shown", () => {
  test.each([
    ["cpu", 250, "250m"], ["cpu", 1500, "1.5cores"], ["cpu", 93663, "93.7cores"], ["cpu", 166900, "167cores"], ["cpu", 12_345_678, "12346cores"], ["cpu", 1234, "1.23cores"], ["memory", 1100 * MIB, "1.07Gi"], ["memory", 398123456, "380Mi"], ["memory", 512e6, "512M"],
    ["memory", 512 * MIB, "512Mi"], ["memory", 1.5 * GIB, "1.5Gi"], ["memory", 320 * GIB, "320Gi"], ["memory", 2048 * GIB, "2Ti"], ["memory", 12, "12B"],
  ] as const)("shows %s %d as %s", (resource, amount, text) => {
    const { number, unit } = shown(resource, amount);
    expect(number + unit).toBe(text);
  });
});

test("what is set is shown as it is written elsewhere", () => {
  const set = (resource: "cpu" | "memory", amount: number) => Object.values(shown(resource, amount, true)).join("");
  expect([set("cpu", 1234), set("cpu", 12_345), set("memory", 1100 * MIB), set("memory", 12_345 * MIB)]).toEqual(["1.234cores", "12.345cores", "1100Mi", "12345Mi"]);
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
