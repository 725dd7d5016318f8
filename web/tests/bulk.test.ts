import { expect, test } from "vitest";
import { emptyWish, plan } from "@/views/workloads/modules/bulk";
import { container, MIB, workload } from "./samples";

test("a wish for nothing changes nobody", () => expect(plan([workload()], emptyWish())).toEqual([]));

test("a mode is changed only where it differs", () => {
  const planned = plan([workload(), workload({ deployment: "old", mode: "observe" })], { ...emptyWish(), mode: "observe" });
  expect(planned.map((one) => one.edit)).toEqual([{ namespace: "shop", deployment: "cart", version: 3, note: "", mode: "observe" }]);
});

test("headroom is on top of what was collected, in whole mebibytes", () => {
  const [planned] = plan([workload()], { ...emptyWish(), requests: "headroom", headroomPercent: 15 });
  expect(planned?.edit.containers).toEqual({ cart: { cpu_request: "495m", memory_request: "575Mi" } });
});

test("headroom stops at the limit", () => {
  const tight = workload({ containers: [container({ cpu_limit_millicores: 450, memory_limit_bytes: 512 * MIB })] });
  const [planned] = plan([tight], { ...emptyWish(), requests: "headroom", headroomPercent: 50 });
  expect(planned?.edit.containers).toEqual({ cart: { cpu_request: "450m", memory_request: "512Mi" } });
  expect(planned?.changes.map((change) => [change.field, change.wanted])).toEqual([["cpu_request", "645m"], ["memory_request", "750Mi"]]);
});

test("going back to what was collected clears what was set by hand", () => {
  const set = workload({ manual_replicas: 9, replicas: 9 });
  const [planned] = plan([set], { ...emptyWish(), replicas: "clear" });
  expect(planned?.edit.replicas).toBeNull();
});
