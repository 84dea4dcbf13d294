import { useEffect, useId, useRef, useState, useSyncExternalStore, type SubmitEvent } from "react";
import { useI18n } from "../i18n";
import { ConnectionState } from "../parts/ConnectionState";
import { rideName } from "../rideName";
import { rememberRides } from "../route";
import { beginVisit, identity, rename as changeName, session } from "../visit";
import { Happened } from "./Happened";
import { People } from "./People";
import type { View } from "./session";

export function RideApp() {
    useEffect(beginVisit, []);
    const view = useSyncExternalStore(session.subscribe, session.view);
    return (
        <main className="ride">
            <RideForm key={view.ride} view={view} />
            <People
                people={view.people}
                asking={view.connection.state === "connecting" || view.connection.state === "live"}
                me={identity.id}
            />
            <Happened happened={view.happened} />
        </main>
    );
}

function RideForm({ view }: { view: View }) {
    const { t } = useI18n();
    const [name, setName] = useState(identity.name);
    const [ride, setRide] = useState(view.ride);
    const [nameMissing, setNameMissing] = useState(false);
    const nameInput = useRef<HTMLInputElement>(null);
    const ids = { title: useId(), name: useId(), ride: useId(), nameError: useId(), rideHint: useId() };

    const { connection, aboard, here, pending } = view;
    const live = connection.state === "live";
    const wanted = rideName(ride);

    const join = () => {
        if (wanted === null || wanted === view.ride || here) return;
        rememberRides([wanted]);
        session.join(wanted);
    };
    const rename = (typed: string) => {
        setName(typed);
        setNameMissing(false);
        changeName(typed);
    };
    const submit = (event: SubmitEvent) => {
        event.preventDefault();
        if (name.trim() === "") {
            setNameMissing(true);
            nameInput.current?.focus();
            return;
        }
        join();
        session.board(name.trim());
    };

    return (
        <form className="card" onSubmit={submit} aria-labelledby={ids.title} noValidate>
            <ConnectionState connection={connection} />
            {(connection.state === "refused" || connection.state === "ended") && (
                <button type="button" onClick={() => session.retry()}>
                    {t("tryAgain")}
                </button>
            )}
            <h1 id={ids.title}>{t("yourRide")}</h1>
            <div className="fields">
                <div>
                    <label htmlFor={ids.name}>{t("name")}</label>
                    <input
                        id={ids.name}
                        ref={nameInput}
                        value={name}
                        onChange={({ target }) => rename(target.value)}
                        placeholder={t("namePlaceholder")}
                        autoComplete="name"
                        disabled={here || pending !== null}
                        aria-invalid={nameMissing}
                        aria-describedby={nameMissing ? ids.nameError : undefined}
                    />
                    {nameMissing && (
                        <p className="error" id={ids.nameError} role="alert">
                            {t("nameMissing")}
                        </p>
                    )}
                </div>
                <div>
                    <label htmlFor={ids.ride}>{t("ride")}</label>
                    <input
                        id={ids.ride}
                        value={ride}
                        onChange={({ target }) => setRide(target.value)}
                        onBlur={join}
                        autoCapitalize="none"
                        spellCheck={false}
                        disabled={here || pending !== null}
                        aria-invalid={wanted === null}
                        aria-describedby={ids.rideHint}
                    />
                    <p className={wanted === null ? "error" : "hint"} id={ids.rideHint}>
                        {t(wanted === null ? "rideInvalid" : "rideHint")}
                    </p>
                </div>
            </div>
            {view.refusal !== null && (
                <p className="error" role="alert">
                    {t("refused", { why: view.refusal })}
                </p>
            )}
            <p className={aboard ? "aboard yes" : "aboard"} role="status">
                {t(here ? "youAreAboard" : aboard ? "youAreAboardElsewhere" : "youAreNotAboard")}
            </p>
            <div className="actions">
                <button
                    type="submit"
                    className="primary"
                    disabled={!live || here || pending !== null || wanted === null}
                >
                    {t(pending === "boarding" ? "boarding" : here ? "boarded" : "board")}
                </button>
                <button
                    type="button"
                    disabled={!live || !aboard || pending !== null}
                    onClick={() => session.exit()}
                >
                    {t(pending === "exiting" ? "exiting" : "exit")}
                </button>
            </div>
        </form>
    );
}
