// Light or dark: the system's choice until somebody makes another one.

import { useEffect, useState, useSyncExternalStore } from "react";
import { loadPreference, savePreference } from "./storage";

export type Theme = "light" | "dark";

const system = matchMedia("(prefers-color-scheme: dark)");

function subscribe(listener: () => void): () => void {
    system.addEventListener("change", listener);
    return () => system.removeEventListener("change", listener);
}

export function useTheme(): [Theme, () => void] {
    const [chosen, setChosen] = useState(() => loadPreference("theme"));
    const systemTheme = useSyncExternalStore(subscribe, () => (system.matches ? "dark" : "light"));
    const theme = chosen === "light" || chosen === "dark" ? chosen : systemTheme;

    useEffect(() => {
        document.documentElement.dataset.theme = theme;
    }, [theme]);

    const toggle = () => {
        const next = theme === "dark" ? "light" : "dark";
        savePreference("theme", next);
        setChosen(next);
    };
    return [theme, toggle];
}
