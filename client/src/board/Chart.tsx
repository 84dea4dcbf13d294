import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Theme } from "../theme";

export interface Series {
    label: string;
    /** One of the CSS variables --series-1 … --series-6. */
    colour: string;
    values: (number | null)[];
}

const HEIGHT = 200;

/** A line chart over time. Those who cannot see it get `summary`. */
export function Chart({
    at,
    series,
    theme,
    summary,
}: {
    at: number[];
    series: Series[];
    theme: Theme;
    summary: string;
}) {
    const box = useRef<HTMLDivElement>(null);
    const plot = useRef<uPlot | null>(null);
    const drawn = series.map(({ label, colour }) => `${label} ${colour}`).join("\n");

    // The theme's colours and the lines' names are the chart's own; it is made anew for others.
    useEffect(() => {
        const host = box.current;
        if (!host) return;
        const css = getComputedStyle(host);
        const axis = {
            stroke: css.getPropertyValue("--muted"),
            grid: { stroke: css.getPropertyValue("--line"), width: 1 },
            ticks: { show: false },
            font: `12px ${css.fontFamily}`,
        };
        const made = new uPlot(
            {
                width: host.clientWidth,
                height: HEIGHT,
                legend: { show: false },
                cursor: { show: false },
                padding: [8, 28, 0, 0],
                scales: { y: { range: (_, __, max) => [0, Math.max(5, max * 1.1)] } },
                axes: [
                    {
                        ...axis,
                        values: (_, splits) =>
                            splits.map((s) => new Date(s * 1000).toTimeString().slice(0, 8)),
                        space: 90,
                        size: 28,
                    },
                    {
                        ...axis,
                        size: 56,
                        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000],
                    },
                ],
                series: [
                    {},
                    ...drawn.split("\n").map((line) => {
                        const [label = "", colour = ""] = line.split(" ");
                        return {
                            label,
                            stroke: css.getPropertyValue(colour),
                            width: 2,
                            points: { show: false },
                        };
                    }),
                ],
            },
            [[], ...drawn.split("\n").map(() => [])],
            host,
        );
        plot.current = made;
        const resized = new ResizeObserver(() => made.setSize({ width: host.clientWidth, height: HEIGHT }));
        resized.observe(host);
        return () => {
            resized.disconnect();
            made.destroy();
        };
    }, [drawn, theme]);

    useEffect(
        () => plot.current?.setData([at, ...series.map(({ values }) => values)]),
        [at, series, drawn, theme],
    );

    return (
        <figure className="chart">
            <div ref={box} role="img" aria-label={summary} />
            <figcaption>
                {series.map(({ label, colour }) => (
                    <span key={label} style={{ "--series": `var(${colour})` }}>
                        {label}
                    </span>
                ))}
            </figcaption>
        </figure>
    );
}
