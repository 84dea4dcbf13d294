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
    number: (n: number) => string;
    time: (at: number) => string;
}

export function i18n(language: Language): I18n {
    const numbers = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
    const times = new Intl.DateTimeFormat(language, {
        hour: "2-digit",
        minute: "2-digit",
        second: "2-digit",
        hourCycle: "h23",
    });
    return {
        language,
        t: translator(language),
        number: (n) => numbers.format(n),
        time: (at) => times.format(at),
    };
}

export const I18nContext = createContext(i18n("en"));
export const useI18n = () => use(I18nContext);
