// What comes with the Debian package: all it is made of, sums, and a signature that no other file has.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { onEnd } from "../lib/cleanup.mjs";
import { temporaryFolder } from "../lib/folder.mjs";
import { filesIn, run } from "../lib/install.mjs";
import { built, ROOT } from "../lib/places.mjs";
import { startProgram } from "../lib/process.mjs";

const RELEASE = path.join(ROOT, "scripts/release.sh");

async function packed(t) {
  const folder = temporaryFolder(t, "package");
  await run(t, "cpack", ["--config", built("CPackConfig.cmake"), "-B", folder]);
  const deb = (await filesIn(folder)).find((name) => /^ridecast_[^/]*\.deb$/.test(name));
  return { folder, deb, text: (name) => readFile(path.join(folder, name), "utf8") };
}

const sha256 = async (file) => createHash("sha256").update(await readFile(file)).digest("hex");
const lines = (text) => text.trim().split("\n");

async function namesAllParts(t, { folder, deb, text }) {
  const sbom = JSON.parse(await text(deb.replace(/\.deb$/, ".sbom.json")));
  assert.deepEqual([sbom.bomFormat, sbom.specVersion, sbom.version], ["CycloneDX", "1.5", 1]);
  const { component } = sbom.metadata;
  assert.equal(component.hashes[0].content, await sha256(path.join(folder, deb)));
  const field = async (name) => (await run(t, "dpkg-deb", ["--field", path.join(folder, deb), name])).stdout.trim();
  assert.deepEqual([component.name, component.version], [await field("Package"), await field("Version")]);
  const parts = new Map(sbom.components.map((part) => [part.name, part]));
  assert.equal(parts.size, sbom.components.length);

  // Whatever the package depends on is a part, in the version that is here.
  for (const [, name] of (await field("Depends")).matchAll(/(?:^|, )([\w.+-]+)/g)) {
    const { stdout } = await run(t, "dpkg-query", ["-W", "-f", "${Version}", name]);
    assert.equal(parts.get(name)?.version, stdout, name);
    assert.match(parts.get(name).purl, new RegExp(`^pkg:deb/\\w+/${name.replaceAll("+", "\\+")}@`));
  }
  // So is whatever the loader finds for the program, the libraries' own libraries included, and what is compiled in.
  await run(t, "dpkg-deb", ["--extract", path.join(folder, deb), path.join(folder, "root")]);
  const program = path.join(folder, "root", (await filesIn(path.join(folder, "root"))).find((name) => name.endsWith("bin/ridecast-gateway")));
  assert.equal(component.components[0].hashes[0].content, await sha256(program));
  const { stdout: loaded } = await run(t, "ldd", [program]);
  const sonames = [...loaded.matchAll(/^\s*(lib[a-z]\w*[a-z])[-.\d]*\.so/gm)].map(([, name]) => name.toLowerCase());
  assert.ok(sonames.length > 5);
  for (const name of ["libwebsockets-evlib-uv", "libuv1", "uthash-dev"]) assert.ok(parts.has(name), name);
  for (const name of ["libcap", "libz", "libcrypto", "libjson"].filter((name) => sonames.includes(name))) {
    const owner = { libz: "zlib1g", libcrypto: "libssl3" }[name] ?? name;
    assert.ok([...parts.keys()].some((part) => part.startsWith(owner)), name);
  }

  // Of the web client the packages that are installed without those for development.
  const has = (await filesIn(path.join(folder, "root"))).some((name) => name.endsWith("ridecast/client/index.html"));
  const { packages } = JSON.parse(await readFile(path.join(ROOT, "client/package-lock.json"), "utf8"));
  const bundled = Object.keys(packages).filter((name) => name && !packages[name].dev).length;
  assert.equal(sbom.components.filter(({ purl }) => purl.startsWith("pkg:npm/")).length, has ? bundled : 0);
  assert.equal(parts.has("socket.io-client"), has);

  // Nothing hangs in the air.
  const refs = new Set([component["bom-ref"], ...sbom.components.map((part) => part["bom-ref"])]);
  const reached = new Set([component["bom-ref"]]);
  const needs = new Map(sbom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  assert.deepEqual(new Set(needs.keys()), refs);
  for (const ref of reached) for (const need of needs.get(ref)) reached.add(need);
  assert.deepEqual(reached, refs);
}

// gpg with keys of its own.
async function keyring(t) {
  const home = temporaryFolder(t, "gnupg");
  const env = { GNUPGHOME: home };
  onEnd(t, () => run(t, "gpgconf", ["--kill", "all"], env));
  await run(t, "gpg", ["--batch", "--passphrase", "", "--quick-generate-key", "release@ridecast.example", "ed25519", "sign", "1d"], env);
  return env;
}

async function cannotBeChanged(t, { folder, deb, text }, env) {
  const sbom = deb.replace(/\.deb$/, ".sbom.json");
  assert.deepEqual(lines(await text("SHA256SUMS")).map((line) => line.split("  ")[1]), [deb, sbom]);
  const verify = async () => (await startProgram(t, "gpg", ["--verify", `${folder}/SHA256SUMS.asc`, `${folder}/SHA256SUMS`], env).exited).code;
  const check = async () => (await startProgram(t, "sh", ["-c", 'cd "$0" && sha256sum --check --quiet SHA256SUMS', folder]).exited).code;
  assert.deepEqual([await verify(), await check()], [0, 0]);
  await appendFile(path.join(folder, sbom), " ");
  assert.deepEqual([await verify(), await check()], [0, 1]);
  await appendFile(path.join(folder, "SHA256SUMS"), `${"0".repeat(64)}  ${deb}\n`);
  assert.notEqual(await verify(), 0);
}

test("the package is released", async (t) => {
  const release = await packed(t);
  const env = await keyring(t);
  const isSigned = async () => (await filesIn(release.folder)).includes("SHA256SUMS.asc");
  await run(t, RELEASE, [release.folder, "release@ridecast.example"], env);
  assert.ok(await isSigned());
  await t.test("its parts are the libraries it loads, and what its web client bundles", (t) => namesAllParts(t, release));
  await t.test("neither it nor what comes with it can be changed", (t) => cannotBeChanged(t, release, env));
  await t.test("a key that is missing is no release", async (t) => {
    const { code } = await startProgram(t, RELEASE, [release.folder, "nobody@ridecast.example"], env).exited;
    assert.notEqual(code, 0);
    assert.ok(!(await isSigned()));
  });
  await t.test("without a key there is no signature", async (t) => {
    await run(t, RELEASE, [release.folder], env);
    assert.ok(!(await isSigned()));
  });
});

test("make package makes all that", async (t) => {
  const { stdout } = await run(t, "make", ["-n", "-C", ROOT, "package", "SIGN=somebody"]);
  assert.match(stdout, /cpack\n(?:.*\n)*?scripts\/release\.sh build\/package somebody\n/);
});
