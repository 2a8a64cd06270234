#!/usr/bin/env python3
"""Packs a folder into an archive that depends on its files' names and bytes alone.

    SOURCE_DATE_EPOCH=SECONDS scripts/archive.py FOLDER FILE.tar.gz|FILE.zip

Everything has that time, belongs to root, and may be read by everyone; what its owner may run,
everyone may. The order is that of the names.
"""

import gzip
import os
import sys
import tarfile
import time
import zipfile
from pathlib import Path

EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])


def mode(path):
    return 0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644


def write_tar(target, paths, names):
    def plain(entry):
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = EPOCH
        return entry

    with gzip.GzipFile("", "wb", 9, target, mtime=EPOCH) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for path, name in zip(paths, names):
                entry = plain(archive.gettarinfo(path, name))
                entry.mode = mode(path)
                if path.is_dir():
                    archive.addfile(entry)
                else:
                    with path.open("rb") as file:
                        archive.addfile(entry, file)


def write_zip(target, paths, names):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path, name in zip(paths, names):
            if path.is_dir():
                continue
            entry = zipfile.ZipInfo(name, time.gmtime(EPOCH)[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: the mode below is read
            entry.external_attr = (0o100000 | mode(path)) << 16
            archive.writestr(entry, path.read_bytes())


def main():
    folder, file = Path(sys.argv[1]), sys.argv[2]
    paths = sorted([folder, *folder.rglob("*")])
    names = [str(path.relative_to(folder.parent)) for path in paths]
    with open(file, "wb") as target:
        write = write_zip if file.endswith(".zip") else write_tar
        write(target, paths, names)


main()
