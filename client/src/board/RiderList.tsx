import { useDeferredValue, useId, useMemo, useState } from "react";
import { useI18n } from "../i18n";
import { matching } from "./EventLog";
import { VirtualList } from "./VirtualList";
import type { ListedRider } from "./Watch";

export function RiderList({ riders }: { riders: ListedRider[] }) {
    const { t, number } = useI18n();
    const [query, setQuery] = useState("");
    const title = useId();
    const wanted = useDeferredValue(query);
    const found = useMemo(() => matching(riders, wanted), [riders, wanted]);

    return (
        <section className="card stream" aria-labelledby={title}>
            <h2 id={title}>{t("ridersAboard")}</h2>
            <div className="tools">
                <input
                    type="search"
                    value={query}
                    onChange={({ target }) => setQuery(target.value)}
                    aria-label={t("searchRiders")}
                    placeholder={t("search")}
                />
            </div>
            <p className="hint">
                {t("shownOf", { shown: number(found.length), all: number(riders.length) })}
            </p>
            {found.length === 0 && (
                <p className="hint">{t(riders.length === 0 ? "nobodyAboard" : "noMatch")}</p>
            )}
            <VirtualList
                items={found}
                label={t("ridersAboard")}
                keyOf={({ rider, ride }) => `${ride} ${rider.id}`}
                row={({ rider, ride }) => (
                    <span className="event">
                        <bdi className="what">{rider.name}</bdi>
                        <code>{ride}</code>
                        <small>{rider.id}</small>
                    </span>
                )}
            />
        </section>
    );
}
