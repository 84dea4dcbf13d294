// Undoes what a test has opened, the last one first, whether the test passed or not.

const stacks = new WeakMap();

export function onEnd(t, undo) {
  let stack = stacks.get(t);
  if (!stack) {
    stack = [];
    stacks.set(t, stack);
    t.after(() => unwind(stack));
  }
  stack.push(undo);
}

// A failing step must not keep the others from running: a process left behind would disturb later tests.
async function unwind(stack) {
  const errors = [];
  while (stack.length > 0) {
    try {
      await stack.pop()();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

// For a program that uses what tests use: what it opened is undone when `work` has ended.
export async function scoped(work) {
  const ends = [];
  try {
    return await work({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
