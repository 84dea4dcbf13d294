import { useEffect, useId, useState } from "react";
import { useI18n } from "../i18n";
import { gatewayOf, readGateway, type Gateway, type Reading } from "./metrics";

const EVERY_MS = 2000;

// Undefined until it is known, null while it cannot be read.
function useGateway(): Gateway | null | undefined {
    const [gateway, setGateway] = useState<Gateway | null>();
    useEffect(() => {
        const gone = new AbortController();
        let before: Reading | null = null;
        let timer: ReturnType<typeof setTimeout>;
        const read = async () => {
            try {
                const reading = await readGateway(
                    AbortSignal.any([gone.signal, AbortSignal.timeout(2 * EVERY_MS)]),
                );
                setGateway(gatewayOf(reading, before));
                before = reading;
            } catch {
                if (gone.signal.aborted) return;
                before = null;
                setGateway(null);
            }
            if (!gone.signal.aborted) timer = setTimeout(() => void read(), EVERY_MS);
        };
        void read();
        return () => {
            gone.abort();
            clearTimeout(timer);
        };
    }, []);
    return gateway;
}

export function GatewayPanel() {
    const { t, number } = useI18n();
    const gateway = useGateway();
    const title = useId();
    const figures =
        gateway &&
        ([
            [t("connections"), gateway.connections],
            [t("clients"), gateway.clients],
            [t("rides"), gateway.rides],
            [t("ridersHere"), gateway.riders],
            [t("eventsPerSecond"), gateway.eventsPerSecond],
            [t("deliveriesPerSecond"), gateway.deliveriesPerSecond],
        ] as const);
    return (
        <section className="card gateway" aria-labelledby={title}>
            <h2 id={title}>
                {t("gateway")}{" "}
                {gateway && (
                    <span className={`connection ${gateway.ready ? "good" : "bad"}`}>
                        <span className="dot" aria-hidden="true" />
                        {t(gateway.ready ? "healthy" : "notHealthy")}
                    </span>
                )}
            </h2>
            <p className={gateway === null ? "error" : "hint"} role="status">
                {t(gateway === null ? "gatewayUnknown" : "thisGatewayOnly")}
            </p>
            {figures && (
                <dl className="figures">
                    {figures.map(([label, value]) => (
                        <div key={label}>
                            <dt>{label}</dt>
                            <dd>{value === null ? t("notMeasured") : number(value)}</dd>
                        </div>
                    ))}
                </dl>
            )}
        </section>
    );
}
