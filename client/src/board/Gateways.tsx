import { useEffect, useId, useState } from "react";
import { useI18n, type Translate } from "../i18n";
import { Cluster, parseCluster, parseDiffering, type GatewayRow } from "./Cluster";

const EVERY_MS = 2000;

interface Seen {
    /** Undefined until something is known. */
    rows: GatewayRow[] | undefined;
    /** Names of options. */
    differing: string[];
    /** Why `rows` is not of now. */
    trouble: "clusterUnknown" | "gatewayUnknown" | null;
}

// `503`: the gateway is there, but cannot ask the others.
async function read(signal: AbortSignal): Promise<unknown> {
    const answer = await fetch("/api/cluster", { signal });
    return answer.ok ? answer.json() : answer.status;
}

// Asks again and again. While there is no answer, the latest one stays.
function useCluster(): Seen {
    const [seen, setSeen] = useState<Seen>({ rows: undefined, differing: [], trouble: null });
    useEffect(() => {
        const cluster = new Cluster();
        const gone = new AbortController();
        let timer: ReturnType<typeof setTimeout>;
        const fails = (trouble: Seen["trouble"]) => setSeen((seen) => ({ ...seen, trouble }));
        const ask = async () => {
            try {
                const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(4 * EVERY_MS)]);
                const json = await read(signal);
                if (typeof json === "number") fails("clusterUnknown");
                else {
                    cluster.add(parseCluster(json), performance.now());
                    setSeen({ rows: cluster.rows(), differing: parseDiffering(json), trouble: null });
                }
            } catch {
                if (gone.signal.aborted) return;
                fails("gatewayUnknown");
            }
            if (!gone.signal.aborted) timer = setTimeout(() => void ask(), EVERY_MS);
        };
        void ask();
        return () => {
            gone.abort();
            clearTimeout(timer);
        };
    }, []);
    return seen;
}

const STATES = {
    ready: ["good", "healthy"],
    draining: ["wait", "draining"],
    "broker down": ["bad", "brokerDown"],
} as const;

// What has no words here is told in the gateway's own.
export function health({ state, silentMs }: GatewayRow, t: Translate, number: (n: number) => string) {
    if (silentMs > 0)
        return { tone: "bad", text: t("silentFor", { s: number(Math.round(silentMs / 1000)) }) };
    if (!Object.hasOwn(STATES, state)) return { tone: "wait", text: state || t("notMeasured") };
    const [tone, word] = STATES[state as keyof typeof STATES];
    return { tone, text: t(word) };
}

export function Gateways() {
    const { t, number } = useI18n();
    const { rows, differing, trouble } = useCluster();
    const title = useId();
    const figure = (value: number | null, unit: "ms" | "mb" | null = null) => {
        if (value === null) return t("notMeasured");
        return unit === null ? number(value) : t(unit, { n: number(value, 2) });
    };
    return (
        <section className="card gateways" aria-labelledby={title}>
            <h2 id={title}>
                {t("gateways")}{" "}
                {rows && (
                    <span className="count">{rows.filter(({ silentMs }) => silentMs === 0).length}</span>
                )}
            </h2>
            {/* Always there, so that a screen reader notices what appears in it. */}
            <p className={trouble ? "error" : undefined} role="status">
                {trouble && t(trouble)}
            </p>
            <p className={differing.length > 0 ? "error" : undefined} role="status">
                {differing.length > 0 &&
                    t("optionsDiffer", { options: differing.map((name) => `--${name}`).join(", ") })}
            </p>
            {rows && (
                <div className="table" role="group" aria-labelledby={title} tabIndex={0}>
                    <table>
                        <thead>
                            <tr>
                                <th scope="col">{t("gateway")}</th>
                                <th scope="col">{t("health")}</th>
                                <th scope="col">{t("connections")}</th>
                                <th scope="col">{t("ridersHere")}</th>
                                <th scope="col">{t("deliveriesPerSecond")}</th>
                                <th scope="col">{t("deliveryP50")}</th>
                                <th scope="col">{t("deliveryP99")}</th>
                                <th scope="col">{t("memory")}</th>
                            </tr>
                        </thead>
                        <tbody>
                            {rows.map((row) => {
                                const { tone, text } = health(row, t, number);
                                const gone = row.silentMs > 0;
                                return (
                                    <tr key={row.node}>
                                        <th scope="row">
                                            <code title={row.node}>{row.node}</code>{" "}
                                            <small>{row.version}</small>
                                        </th>
                                        <td>
                                            <span className={`connection ${tone}`}>
                                                <span className="dot" aria-hidden="true" />
                                                {text}
                                            </span>
                                        </td>
                                        <td>{figure(gone ? null : row.connections)}</td>
                                        <td>{figure(gone ? null : row.riders)}</td>
                                        <td>{figure(gone ? null : row.deliveriesPerSecond)}</td>
                                        <td>{figure(gone ? null : row.deliveryP50Ms, "ms")}</td>
                                        <td>{figure(gone ? null : row.deliveryP99Ms, "ms")}</td>
                                        <td>{figure(gone ? null : inMb(row.memoryBytes), "mb")}</td>
                                    </tr>
                                );
                            })}
                        </tbody>
                    </table>
                </div>
            )}
        </section>
    );
}

const inMb = (bytes: number | null) => (bytes === null ? null : Math.round(bytes / 1e6));
