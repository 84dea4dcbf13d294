import { useId, useState, type SubmitEvent } from "react";
import { useI18n } from "../i18n";
import { ConnectionState } from "../parts/ConnectionState";
import { Icon } from "../parts/Icon";
import { rideName } from "../rideName";
import type { WatchedRide } from "./Watch";

export function Rides(props: {
    rides: WatchedRide[];
    add: (ride: string) => void;
    remove: (ride: string) => void;
}) {
    const { rides, add, remove } = props;
    const { t, number } = useI18n();
    const [typed, setTyped] = useState("");
    const ids = { title: useId(), ride: useId(), hint: useId() };
    const wanted = rideName(typed);

    const submit = (event: SubmitEvent) => {
        event.preventDefault();
        if (wanted === null) return;
        add(wanted);
        setTyped("");
    };

    return (
        <section className="rides" aria-labelledby={ids.title}>
            <div className="bar">
                <h1 id={ids.title}>{t("rides")}</h1>
                <form onSubmit={submit}>
                    <label htmlFor={ids.ride}>{t("addRide")}</label>
                    <input
                        id={ids.ride}
                        value={typed}
                        onChange={({ target }) => setTyped(target.value)}
                        placeholder="/line-7"
                        autoCapitalize="none"
                        spellCheck={false}
                        aria-invalid={wanted === null}
                        aria-describedby={wanted === null ? ids.hint : undefined}
                    />
                    <button type="submit">{t("add")}</button>
                </form>
            </div>
            {wanted === null && (
                <p className="error" id={ids.hint}>
                    {t("rideInvalid")}
                </p>
            )}
            <ul className="tiles">
                {rides.map(({ ride, connection, aboard, boardings, exits, lost }) => (
                    <li key={ride} className="card">
                        <div className="bar">
                            <code>{ride}</code>
                            <ConnectionState connection={connection} />
                            <button
                                type="button"
                                className="icon"
                                aria-label={t("stopWatching", { ride })}
                                onClick={() => remove(ride)}
                            >
                                <Icon name="close" />
                            </button>
                        </div>
                        <p className="big">
                            {aboard === null ? t("notMeasured") : number(aboard)}{" "}
                            <small>{t("ridersAboard")}</small>
                        </p>
                        <dl className="figures">
                            <div>
                                <dt>{t("boardingsPerMinute")}</dt>
                                <dd>{number(boardings)}</dd>
                            </div>
                            <div>
                                <dt>{t("exitsPerMinute")}</dt>
                                <dd>{number(exits)}</dd>
                            </div>
                            <div>
                                <dt>{t("lostPerMinute")}</dt>
                                <dd>{number(lost)}</dd>
                            </div>
                        </dl>
                    </li>
                ))}
            </ul>
        </section>
    );
}
