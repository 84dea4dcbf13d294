// The straight line that lies closest to some points, by least squares: whether something grows.

// What memory may rise by over the judged stretch, as a part of its mean, and still be flat: half an hour in which every
// client that leaves takes a hundred bytes along is not.
const FLAT = 0.01;

// Points are [x, y], at least two of different x. `rise` is how much the line rises over them all, as a part of the mean.
export function trend(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const xs = points.map(([x]) => x);
  const meanX = mean(xs);
  const meanY = mean(points.map(([, y]) => y));
  const spread = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  const slope = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) / spread;
  return { mean: meanY, slope, rise: (slope * (Math.max(...xs) - Math.min(...xs))) / meanY };
}

// Which gateways grow too much, in words. Files may rise by as many clients as come and go in a second.
export function growth({ Redis, ...gateways }, churn) {
  return Object.entries(gateways).flatMap(([name, { memory, files }]) => [
    ...(memory.rise > FLAT ? [`the memory of ${name} rises by ${(100 * memory.rise).toFixed(1)} %`] : []),
    ...(files.rise * files.mean > churn ? [`the open files of ${name} rise by ${(files.rise * files.mean).toFixed(0)}`] : []),
  ]);
}
