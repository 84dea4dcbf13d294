// The smallest of the values that `part` of them do not exceed; undefined where there are none.
export const percentile = (values, part) => [...values].sort((a, b) => a - b)[Math.ceil(values.length * part) - 1];
