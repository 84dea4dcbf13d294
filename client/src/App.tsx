import { lazy, Suspense, useEffect, useMemo, useState, type MouseEvent } from "react";
import { I18nContext, i18n, isLanguage, LANGUAGES, preferredLanguage, type Language } from "./i18n";
import { Icon } from "./parts/Icon";
import { RideApp } from "./ride/RideApp";
import { goTo, usePage, type Page } from "./route";
import { loadPreference, savePreference } from "./storage";
import { useTheme } from "./theme";

// The ride's page does without the charts.
const Board = lazy(() => import("./board/Board"));

function initialLanguage(): Language {
    const kept = loadPreference("language");
    return isLanguage(kept) ? kept : preferredLanguage(navigator.languages);
}

export function App() {
    const [language, setLanguage] = useState(initialLanguage);
    const words = useMemo(() => i18n(language), [language]);
    const [theme, toggleTheme] = useTheme();
    const page = usePage();
    const { t } = words;
    const title = t(page === "/board" ? "navBoard" : "navRide");

    useEffect(() => {
        document.documentElement.lang = language;
        document.title = `${title} · ridecast`;
    }, [language, title]);

    const choose = (next: Language) => {
        savePreference("language", next);
        setLanguage(next);
    };

    return (
        <I18nContext value={words}>
            <header className="top">
                <a className="brand" href="/" onClick={(event) => follow(event, "/")}>
                    <img src="/favicon.svg" alt="" width="32" height="32" />
                    <span>
                        ridecast <small>{t("appTagline")}</small>
                    </span>
                </a>
                <nav>
                    <NavLink page="/" current={page} label={t("navRide")} />
                    <NavLink page="/board" current={page} label={t("navBoard")} />
                </nav>
                <div className="preferences">
                    <select
                        aria-label={t("language")}
                        value={language}
                        onChange={({ target }) => choose(target.value as Language)}
                    >
                        {Object.entries(LANGUAGES).map(([code, { name }]) => (
                            <option key={code} value={code} lang={code}>
                                {name}
                            </option>
                        ))}
                    </select>
                    <button
                        type="button"
                        className="icon"
                        aria-label={t(theme === "dark" ? "toLight" : "toDark")}
                        onClick={toggleTheme}
                    >
                        <Icon name={theme === "dark" ? "sun" : "moon"} />
                    </button>
                </div>
            </header>
            {page === "/board" ? (
                <Suspense fallback={<main className="board" aria-busy="true" />}>
                    <Board theme={theme} />
                </Suspense>
            ) : (
                <RideApp />
            )}
        </I18nContext>
    );
}

function follow(event: MouseEvent, page: Page) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    goTo(page);
}

function NavLink({ page, current, label }: { page: Page; current: Page; label: string }) {
    return (
        <a
            href={page}
            aria-current={page === current ? "page" : undefined}
            onClick={(event) => follow(event, page)}
        >
            {label}
        </a>
    );
}
