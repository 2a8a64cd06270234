#!/usr/bin/env python3
"""Writes an SBOM of the program, as CycloneDX JSON, to standard output.

It lists what cargo itself resolves for one target and the default features, without what only
tests use: `required` is what is linked into the program, `excluded` what only its build runs
(build scripts, procedural macros). It has no time and no serial number: the same lock file gives
the same bytes.

    scripts/sbom.py [TARGET]        (default: x86_64-unknown-linux-musl)
"""

import json
import subprocess
import sys
import tomllib


def cargo(*arguments):
    command = ["cargo", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def resolved(target, edges):
    """The crates that these edges lead to, with the features that this build enables."""
    tree = cargo("tree", "--locked", "--target", target, "--edges", edges,
                 "--prefix", "none", "--format", "{p}")
    words = (line.split() for line in tree.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in words}


def purl(name, version):
    return f"pkg:cargo/{name}@{version.replace('+', '%2B')}"


def component(package, checksum, linked):
    key = (package["name"], package["version"])
    listed = {
        "type": "library",
        "bom-ref": purl(*key),
        "name": key[0],
        "version": key[1],
        "description": " ".join((package["description"] or "").split()),
        "scope": "required" if key in linked else "excluded",
        "purl": purl(*key),
        # An old way to write OR.
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
    }
    if checksum:
        listed["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    if package["repository"]:
        listed["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return listed


def main():
    target = sys.argv[1] if len(sys.argv) > 1 else "x86_64-unknown-linux-musl"
    metadata = json.loads(cargo("metadata", "--locked", "--format-version", "1",
                                "--filter-platform", target))
    with open("Cargo.lock", "rb") as file:
        lock = tomllib.load(file)["package"]
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock}
    built, linked = resolved(target, "normal,build"), resolved(target, "normal,no-proc-macro")

    packages = {p["id"]: p for p in metadata["packages"]}
    keys = {id: (p["name"], p["version"]) for id, p in packages.items()}
    root = packages[metadata["resolve"]["root"]]
    program = component(root, None, linked)
    program.pop("scope")
    program["type"] = "application"

    chosen = sorted((p for p in packages.values() if keys[p["id"]] in built and p is not root),
                    key=lambda p: keys[p["id"]])
    missing = built - {keys[p["id"]] for p in chosen} - {keys[root["id"]]}
    if missing:
        sys.exit(f"cargo's tree and its metadata differ: {sorted(missing)}")
    dependencies = []
    for node in sorted(metadata["resolve"]["nodes"], key=lambda node: keys[node["id"]]):
        if keys[node["id"]] not in built:
            continue
        used = {purl(*keys[dep["pkg"]]) for dep in node["deps"] if keys[dep["pkg"]] in built
                and any(kind["kind"] in (None, "build") for kind in dep["dep_kinds"])}
        dependencies.append({"ref": purl(*keys[node["id"]]), "dependsOn": sorted(used)})
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": program,
            "properties": [
                {"name": "cargo:target", "value": target},
                {"name": "rustc", "value": subprocess.run(
                    ["rustc", "--version"], check=True, capture_output=True, text=True
                ).stdout.strip()},
            ],
        },
        "components": [component(p, checksums.get(keys[p["id"]]), linked) for p in chosen],
        "dependencies": dependencies,
    }
    json.dump(bom, sys.stdout, indent=1, ensure_ascii=False)
    print()


main()
