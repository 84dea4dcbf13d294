import { expect, test } from "vitest";
import { LANGUAGES, preferredLanguage, translator } from ".";
import { en } from "./en";
import { ko } from "./ko";

const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();

test("the first language that is here is taken, else English", () => {
    expect(preferredLanguage(["fr-FR", "ko-KR", "en"])).toBe("ko");
    expect(preferredLanguage(["fr"])).toBe("en");
});

test("values are put in their places", () => {
    expect(translator("en")("eventBoarded", { name: "John $& Doe" })).toBe("John $& Doe boarded");
});

test.each(Object.keys(en) as (keyof typeof en)[])("%s has the same places in all languages", (key) => {
    for (const { words } of Object.values(LANGUAGES)) expect(holes(words[key])).toEqual(holes(en[key]));
    expect(ko[key]).not.toBe("");
});
