import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { batched } from "./batched";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("many calls run once, and then at most once in the interval", () => {
    const run = vi.fn();
    const call = batched(run, 100);
    for (let i = 0; i < 500; i++) call();
    vi.advanceTimersByTime(0);
    expect(run).toHaveBeenCalledTimes(1);
    for (let i = 0; i < 1000; i++) {
        call();
        vi.advanceTimersByTime(1);
    }
    expect(run.mock.calls.length).toBeGreaterThanOrEqual(10);
    expect(run.mock.calls.length).toBeLessThanOrEqual(11);
});

test("the last call is never lost", () => {
    const run = vi.fn();
    const call = batched(run, 100);
    call();
    vi.advanceTimersByTime(0);
    call();
    vi.advanceTimersByTime(100);
    expect(run).toHaveBeenCalledTimes(2);
});

test("what is cancelled does not run", () => {
    const run = vi.fn();
    const call = batched(run, 100);
    call();
    call.cancel();
    vi.advanceTimersByTime(1000);
    expect(run).not.toHaveBeenCalled();
});
