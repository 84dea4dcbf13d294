import { useId } from "react";
import { useI18n } from "../i18n";
import { EVENT_WORDS } from "../eventWords";
import { Icon } from "../parts/Icon";
import type { Happening } from "./session";

export function Happened({ happened }: { happened: Happening[] }) {
    const { t, time } = useI18n();
    const title = useId();
    return (
        <section className="card" aria-labelledby={title}>
            <h2 id={title}>{t("justHappened")}</h2>
            {happened.length === 0 && <p className="hint">{t("nothingHappened")}</p>}
            <div role="log" aria-labelledby={title}>
                <ol className="happened">
                    {happened.map(({ key, at, kind, rider }) => (
                        <li key={key} className={kind}>
                            <Icon name={kind} />
                            <span>{t(EVENT_WORDS[kind], { name: rider.name })}</span>
                            <time dateTime={new Date(at).toISOString()}>{time(at)}</time>
                        </li>
                    ))}
                </ol>
            </div>
        </section>
    );
}
