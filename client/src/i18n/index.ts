import { createContext, use } from "react";
import { en, type Words } from "./en";
import { ko } from "./ko";

export type Language = "en" | "ko";
export const LANGUAGES: Record<Language, { words: Words; name: string }> = {
    en: { words: en, name: "English" },
    ko: { words: ko, name: "한국어" },
};

export const isLanguage = (value: unknown): value is Language => value === "en" || value === "ko";

/** The first of the browser's languages that is here. */
export function preferredLanguage(languages: readonly string[]): Language {
    return languages.map((tag) => tag.slice(0, 2)).find(isLanguage) ?? "en";
}

export type Translate = (key: keyof Words, values?: Record<string, string | number>) => string;

export function translator(language: Language): Translate {
    const { words } = LANGUAGES[language];
    return (key, values = {}) => words[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

export interface I18n {
    language: Language;
    t: Translate;
    /** With at most so many digits after the point; 1 if left out. */
    number: (n: number, digits?: number) => string;
    time: (at: number) => string;
}

export function i18n(language: Language): I18n {
    const numbers = [0, 1, 2].map(
        (maximumFractionDigits) => new Intl.NumberFormat(language, { maximumFractionDigits }),
    );
    const times = new Intl.DateTimeFormat(language, {
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        hourCycle: "h23",
    });
    return {
        language,
        t: translator(language),
        number: (n, digits = 1) => numbers[digits]?.format(n) ?? String(n),
        time: (at) => times.format(at),
    };
}

export const I18nContext = createContext(i18n("en"));
export const useI18n = () => use(I18nContext);
