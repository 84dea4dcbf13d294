// Bar charts, one below the other, as one SVG without script or font of its own.

const WIDTH = 760;
const LABEL = 250;
const BAR = 18;
const GAP = 6;
const HEAD = 44;
const COLOURS = { floor: "#9aa5b1", ridecast: "#2b6cb0" };

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
const colour = (label) => COLOURS[label.split(",")[0]] ?? "#c77d3a";

function panel({ title, unit, bars }, top) {
  const most = Math.max(...bars.map(({ value }) => value));
  const room = WIDTH - LABEL - 110;
  const rows = bars.map(({ label, value }, i) => {
    const y = top + HEAD + i * (BAR + GAP);
    const shown = value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 });
    const length = Math.max(1, (value / most) * room).toFixed(1);
    return `<text x="${LABEL - 8}" y="${y + 13}" text-anchor="end">${escape(label)}</text>
<rect x="${LABEL}" y="${y}" width="${length}" height="${BAR}" fill="${colour(label)}"/>
<text x="${LABEL + Number(length) + 6}" y="${y + 13}">${shown}</text>`;
  });
  const heading = `<text x="8" y="${top + 18}" font-weight="bold">${escape(title)}</text>
<text x="8" y="${top + 34}" fill="#666">${escape(unit)}</text>`;
  return { svg: [heading, ...rows].join("\n"), height: HEAD + bars.length * (BAR + GAP) + 18 };
}

export function chart(panels) {
  let top = 0;
  const drawn = panels.map((data) => {
    const { svg, height } = panel(data, top);
    top += height;
    return svg;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${top}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${drawn.join("\n")}
</svg>
`;
}
