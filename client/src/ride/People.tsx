import { useId } from "react";
import { useI18n } from "../i18n";
import type { Rider } from "../ridecast";

const SHOWN = 100;

/** Who is aboard, this page's own rider first. A full ride is counted, not listed. */
export function People({ people, asking, me }: { people: Rider[] | null; asking: boolean; me: string }) {
    const { t, number } = useI18n();
    const title = useId();
    const mine = people?.find(({ id }) => id === me);
    const others = people?.filter(({ id }) => id !== me) ?? [];
    const shown = (mine ? [mine, ...others] : others).slice(0, SHOWN);
    return (
        <section className="card" aria-labelledby={title}>
            <h2 id={title}>
                {t("aboardNow")} {people && <span className="count">{number(people.length)}</span>}
            </h2>
            {people === null && <p className="hint">{t(asking ? "unknownYet" : "unknownNow")}</p>}
            {people?.length === 0 && <p className="hint">{t("nobodyAboard")}</p>}
            <ul className="people">
                {shown.map((rider) => (
                    <li key={rider.id}>
                        <span className="face" aria-hidden="true" style={{ "--hue": hue(rider.id) }}>
                            {initial(rider.name)}
                        </span>
                        <bdi>{rider.name}</bdi>
                        {rider.id === me && <span className="tag">{t("you")}</span>}
                    </li>
                ))}
            </ul>
            {people && people.length > shown.length && (
                <p className="hint">{t("andMore", { n: number(people.length - shown.length) })}</p>
            )}
        </section>
    );
}

const letters = new Intl.Segmenter();

// A letter as people see it may be several code points.
const initial = (name: string) => letters.segment(name.trim()).containing(0)?.segment.toUpperCase();

// The same for the same rider everywhere.
function hue(id: string): number {
    let hash = 0;
    for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) % 360;
    return hash;
}
