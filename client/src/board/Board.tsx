import { useEffect, useId, useMemo, useState, useSyncExternalStore } from "react";
import { useI18n } from "../i18n";
import { rideName } from "../rideName";
import { rememberRides, ridesInAddress } from "../route";
import type { Theme } from "../theme";
import { connectWithToken } from "../token";
import { Chart } from "./Chart";
import { EventStream } from "./EventStream";
import { Gateways } from "./Gateways";
import { RiderList } from "./RiderList";
import { Rides } from "./Rides";
import { Watch } from "./Watch";
import "../styles/board.css";

const COLOURS = 6;

function initialRides(): string[] {
    const asked = ridesInAddress().flatMap((ride) => rideName(ride) ?? []);
    return asked.length > 0 ? [...new Set(asked)] : ["/"];
}

export default function Board({ theme }: { theme: Theme }) {
    const { t, number } = useI18n();
    const [watch] = useState(() => new Watch(connectWithToken));
    const [rides, setRides] = useState(initialRides);
    const view = useSyncExternalStore(watch.subscribe, watch.view);
    const { history } = view;
    const ids = { aboard: useId(), moves: useId() };

    useEffect(() => watch.watch(rides), [watch, rides]);
    useEffect(() => () => watch.stop(), [watch]);

    const change = (next: string[]) => {
        rememberRides(next);
        setRides(next);
    };

    const aboard = useMemo(
        () =>
            Array.from(history.aboard, ([label, values], i) => ({
                label,
                values,
                colour: `--series-${(i % COLOURS) + 1}`,
            })),
        [history],
    );
    const moves = useMemo(
        () => [
            { label: t("boardings"), colour: "--series-2", values: history.boardings },
            { label: t("exits"), colour: "--series-4", values: history.exits },
        ],
        [history, t],
    );
    // Made for each view and no oftener.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    const riders = useMemo(() => watch.riders(), [watch, view]);
    const latest = (values: (number | null)[]) => number(values.at(-1) ?? 0);

    return (
        <main className="board">
            <Rides
                rides={view.rides}
                add={(ride) => rides.includes(ride) || change([...rides, ride])}
                remove={(ride) => change(rides.filter((other) => other !== ride))}
            />
            <section className="card" aria-labelledby={ids.aboard}>
                <h2 id={ids.aboard}>{t("aboardOverTime")}</h2>
                <Chart
                    at={history.at}
                    series={aboard}
                    theme={theme}
                    summary={aboard.map(({ label, values }) => `${label}: ${latest(values)}`).join(", ")}
                />
            </section>
            <section className="card" aria-labelledby={ids.moves}>
                <h2 id={ids.moves}>{t("movesOverTime")}</h2>
                <Chart
                    at={history.at}
                    series={moves}
                    theme={theme}
                    summary={moves.map(({ label, values }) => `${label}: ${latest(values)}`).join(", ")}
                />
            </section>
            <Gateways />
            <EventStream events={view.events} counted={view.counted} />
            <RiderList riders={riders} />
        </main>
    );
}
