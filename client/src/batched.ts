// Calls `run` soon after one or many calls, at once after a quiet time, and then at most every `ms`: what is drawn
// keeps up with any rate of events.

export function batched(run: () => void, ms: number): { (): void; cancel: () => void } {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let last = -Infinity;
    const call = () => {
        timer ??= setTimeout(
            () => {
                timer = undefined;
                last = performance.now();
                run();
            },
            Math.max(0, last + ms - performance.now()),
        );
    };
    call.cancel = () => {
        clearTimeout(timer);
        timer = undefined;
    };
    return call;
}
