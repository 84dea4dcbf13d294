// The straight line that lies closest to some points, by least squares: whether something grows.

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
