import { useSyncExternalStore } from "react";
import { connectionWords } from "../connectionWords";
import { useI18n } from "../i18n";
import type { Connection } from "../ridecast";

function subscribe(listener: () => void): () => void {
    addEventListener("online", listener);
    addEventListener("offline", listener);
    return () => {
        removeEventListener("online", listener);
        removeEventListener("offline", listener);
    };
}

/** Also read out when it changes. */
export function ConnectionState({ connection }: { connection: Connection }) {
    const { t } = useI18n();
    const online = useSyncExternalStore(subscribe, () => navigator.onLine);
    const { tone, text } = connectionWords(connection, t, online);
    return (
        <p className={`connection ${tone}`} role="status" data-state={connection.state}>
            <span className="dot" aria-hidden="true" />
            {text}
        </p>
    );
}
