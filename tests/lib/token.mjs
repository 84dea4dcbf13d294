// Keys and JSON Web Tokens, good ones and every kind of bad one, made with Node's own crypto.

import { createHmac, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { temporaryFolder } from "./folder.mjs";

const pem = { publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "pem" } };
const rsa = () => generateKeyPairSync("rsa", { modulusLength: 2048, ...pem });
const ec = () => generateKeyPairSync("ec", { namedCurve: "P-256", ...pem });

export const KEYS = {
  HS256: { secret: randomBytes(32).toString("hex") },
  RS256: rsa(),
  ES256: ec(),
};
export const OTHER_KEYS = {
  HS256: { secret: randomBytes(32).toString("hex") },
  RS256: rsa(),
  ES256: ec(),
};

const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

// What `alg` says, and what the signature is made with, may differ.
export function sign(text, algorithm, key) {
  if (algorithm === "HS256") return createHmac("sha256", key.secret).update(text).digest("base64url");
  const options = { key: key.privateKey, dsaEncoding: "ieee-p1363" };
  return createSign("sha256").update(text).sign(options, "base64url");
}

// Header and claims are objects, or text to be taken as it is.
export function token(header, claims, algorithm = header.alg, key = KEYS[algorithm]) {
  const text = `${encode(header)}.${encode(claims)}`;
  return `${text}.${sign(text, algorithm, key)}`;
}

export const now = () => Math.floor(Date.now() / 1000);
export const LEEWAY = 30;

export const claimsOf = (sub, more = {}) => ({ sub, rides: ["*"], exp: now() + 3600, ...more });

export const goodToken = (sub, more, algorithm = "ES256") =>
  token({ alg: algorithm, typ: "JWT" }, claimsOf(sub, more), algorithm);

// A folder with what a gateway's options name.
export class KeyFiles {
  constructor(t) {
    this.folder = temporaryFolder(t, "keys");
  }

  write(name, text) {
    const file = path.join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }
}

// The options of a gateway that takes tokens of all three algorithms.
export function tokenOptions(t, more = {}) {
  const files = new KeyFiles(t);
  return {
    auth: "jwt",
    authKeysFile: files.write("public.pem", KEYS.RS256.publicKey + KEYS.ES256.publicKey),
    authSecretFile: files.write("secret", `${KEYS.HS256.secret}\n`),
    ...more,
  };
}
