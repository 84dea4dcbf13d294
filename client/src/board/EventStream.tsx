import { useDeferredValue, useId, useMemo, useState } from "react";
import { EVENT_WORDS } from "../eventWords";
import { useI18n } from "../i18n";
import { Icon } from "../parts/Icon";
import { matching, type LoggedEvent } from "./EventLog";
import { VirtualList } from "./VirtualList";

/** The latest first. Paused, it shows what there was then, and counts on. */
export function EventStream({ events, counted }: { events: LoggedEvent[]; counted: number }) {
    const { t, number, time } = useI18n();
    const [query, setQuery] = useState("");
    const [paused, setPaused] = useState<{ events: LoggedEvent[]; counted: number } | null>(null);
    const title = useId();
    const shown = paused?.events ?? events;
    const wanted = useDeferredValue(query);
    const found = useMemo(() => matching(shown, wanted).toReversed(), [shown, wanted]);

    return (
        <section className="card stream" aria-labelledby={title}>
            <h2 id={title}>{t("events")}</h2>
            <div className="tools">
                <input
                    type="search"
                    value={query}
                    onChange={({ target }) => setQuery(target.value)}
                    aria-label={t("searchEvents")}
                    placeholder={t("search")}
                />
                <button type="button" onClick={() => setPaused(paused ? null : { events, counted })}>
                    <Icon name={paused ? "play" : "pause"} />
                    {t(paused ? "resume" : "pause")}
                </button>
            </div>
            <p className="hint">
                {paused
                    ? t("pausedNew", { n: number(counted - paused.counted) })
                    : t("shownOf", { shown: number(found.length), all: number(shown.length) })}
            </p>
            {found.length === 0 && <p className="hint">{t(shown.length === 0 ? "noEvents" : "noMatch")}</p>}
            <VirtualList
                items={found}
                label={t("events")}
                keyOf={({ key }) => key}
                row={({ kind, rider, ride, at }) => (
                    <span className={`event ${kind}`}>
                        <Icon name={kind} />
                        <span className="what">{t(EVENT_WORDS[kind], { name: rider.name })}</span>
                        <code>{ride}</code>
                        <time dateTime={new Date(at).toISOString()}>{time(at)}</time>
                    </span>
                )}
            />
        </section>
    );
}
