import { expect, test } from "vitest";
import { subjectOf } from "./token";

const token = (claims: unknown) =>
    `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2lnbmF0dXJl`;

test("the subject is read from the claims, whatever letters it has", () => {
    expect(subjectOf(token({ sub: "ann", exp: 1 }))).toBe("ann");
    expect(subjectOf(token({ sub: "홍길동 ÿ>?" }))).toBe("홍길동 ÿ>?");
});

test("what does not name a subject has none", () => {
    for (const wrong of [null, "", "word", "a.b", "a.!.c", token({}), token({ sub: 7 }), token(null)])
        expect(subjectOf(wrong)).toBeNull();
});
