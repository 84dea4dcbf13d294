#!/usr/bin/python3
"""What a Debian package of ridecast is made of, as CycloneDX 1.5 (JSON) on the standard output.

    sbom.py ridecast_*.deb

Read from the package itself and from the machine that built it: the libraries its program loads, by ldd and by name, and
the headers it was compiled with, as the Debian packages they belong to; and where the web client is in it, the npm
packages of client/package-lock.json that end up in its bundle.
"""

import base64
import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADERS = ["/usr/include/uthash.h"]  # compiled in


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def sha256(path):
    return {"alg": "SHA-256", "content": hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()}


def owners(paths):
    """The Debian package of each file; dpkg knows them by the path they were installed as, before or after /usr was merged."""
    names = {}
    for path in paths:
        real = os.path.realpath(path)
        for name in (path, real, real.removeprefix("/usr"), "/usr" + real):
            names[name] = path
    found = subprocess.run(["dpkg-query", "-S", *names], capture_output=True, text=True).stdout
    packages = {names[name]: line.split(",")[0] for line, name in re.findall(r"^(\S.*): (/.*)$", found, re.M) if name in names}
    missing = [path for path in paths if path not in packages]
    if missing:
        sys.exit(f"sbom.py: no Debian package has {', '.join(missing)}")
    return packages


def loaded(path):
    """The libraries that a program or library loads, and those of theirs: their paths by the names they are asked by."""
    return dict(re.findall(r"^\s*(\S+) => (/\S+) ", run("ldd", path), re.M))


def asked_for(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "--dynamic", path))


def found_from(path, name, packages):
    """Where Node.js finds a package that the one at `path` asks for: below it, or further up."""
    while path and f"{path}/node_modules/{name}" not in packages:
        path = path.rpartition("/node_modules/")[0]
    return f"{path}/node_modules/{name}" if path else f"node_modules/{name}"


class Components:
    def __init__(self):
        self.by_ref = {}
        self.needs = {}

    def add(self, component):
        self.by_ref[component["bom-ref"]] = component
        self.needs.setdefault(component["bom-ref"], set())
        return component["bom-ref"]

    def debs(self, packages):
        """The components of these packages, by name."""
        fields = ["${Package}", "${Version}", "${Architecture}", "${source:Package}", "${source:Version}"]
        said = run("dpkg-query", "-W", "-f", "\\t".join(fields) + "\\n", *packages)
        distro = dict(re.findall(r'^(ID|VERSION_ID)="?([^"\n]*)', pathlib.Path("/etc/os-release").read_text(), re.M))
        refs = {}
        for line in said.splitlines():
            name, version, arch, source, source_version = line.split("\t")
            where = f"arch={arch}&distro={distro['ID']}-{distro.get('VERSION_ID', 'sid')}"
            purl = f"pkg:deb/{distro['ID']}/{name}@{version.replace('+', '%2B').replace(':', '%3A')}?{where}"
            refs[name] = self.add({
                "bom-ref": purl, "type": "library", "name": name, "version": version, "purl": purl,
                "properties": [{"name": "debian:source", "value": f"{source} {source_version}"}],
            })
        return refs

    def native(self, ref, program, plugins):
        """What the program `ref` loads, by itself and by name (`plugins`, Debian packages), and was compiled with."""
        opened = [path for plugin in plugins for path in run("dpkg-query", "-L", plugin).splitlines()
                  if re.search(r"\.so[.\d]*$", path) and os.path.isfile(path)]
        paths = {name: path for root in (program, *opened) for name, path in loaded(root).items()}
        packages = owners([*paths.values(), *opened, *HEADERS])
        refs = self.debs({package.split(":")[0] for package in packages.values()})
        part = {path: refs[package.split(":")[0]] for path, package in packages.items()}
        self.needs[ref] |= {part[path] for path in (*opened, *HEADERS)}
        for path in {program, *opened, *paths.values()}:
            # What is not found is the loader, which is the C library's.
            asked = {part[paths[name]] for name in asked_for(path) if name in paths}
            self.needs[part.get(path, ref)] |= asked - {part.get(path, ref)}

    def npm(self, ref):
        packages = json.loads((ROOT / "client/package-lock.json").read_text())["packages"]
        bundled = {path: entry for path, entry in packages.items() if path and not entry.get("dev")}
        purl = lambda path, entry: f"pkg:npm/{path.split('node_modules/')[-1].replace('@', '%40')}@{entry['version']}"
        for path, entry in bundled.items():
            algorithm, digest = entry["integrity"].split("-", 1)
            self.add({
                "bom-ref": purl(path, entry), "type": "library", "name": path.split("node_modules/")[-1],
                "version": entry["version"], "purl": purl(path, entry),
                "licenses": [{"license": {"id": entry["license"]}}] if "license" in entry else [],
                "hashes": [{"alg": algorithm.replace("sha", "SHA-"), "content": base64.b64decode(digest).hex()}],
            })
        for path, entry in [("", packages[""]), *bundled.items()]:
            for name in entry.get("dependencies", {}):
                at = found_from(path, name, bundled)
                self.needs[purl(path, entry) if path else ref].add(purl(at, bundled[at]))


def main(deb):
    field = lambda name: run("dpkg-deb", "--field", deb, name).strip()
    name, version, arch = (field(what) for what in ("Package", "Version", "Architecture"))
    ref = f"pkg:deb/{name}@{version}?arch={arch}"
    components = Components()
    components.needs[ref] = set()
    with tempfile.TemporaryDirectory() as folder:
        run("dpkg-deb", "--extract", deb, folder)
        program = next(pathlib.Path(folder).rglob("bin/ridecast-gateway"))
        plugins = re.findall(r"[\w.+-]*-evlib-\w+", field("Depends"))
        components.native(ref, str(program), plugins)
        hashes = [sha256(program)]
        has_client = any(pathlib.Path(folder).rglob("share/ridecast/client/index.html"))
    if has_client:
        components.npm(ref)
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc) if epoch else datetime.datetime.now(datetime.timezone.utc)
    own = {
        "bom-ref": ref, "type": "application", "name": name, "version": version, "purl": ref,
        "licenses": [{"license": {"id": "MIT"}}], "hashes": [sha256(deb)],
        "components": [{"type": "file", "name": "ridecast-gateway", "hashes": hashes}],
    }
    refs = sorted(components.by_ref)
    json.dump({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, ref + own['hashes'][0]['content'])}",
        "metadata": {"timestamp": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": own},
        "components": [components.by_ref[each] for each in refs],
        "dependencies": [{"ref": each, "dependsOn": sorted(components.needs[each])} for each in [ref, *refs]],
    }, sys.stdout, indent=2)
    print()


if len(sys.argv) != 2:
    sys.exit(__doc__)
main(sys.argv[1])
