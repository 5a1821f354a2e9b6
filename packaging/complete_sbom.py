#!/usr/bin/env python3
"""Adds to a CycloneDX list of crates what is linked in and is no crate; made the same each time.

usage: complete_sbom.py SBOM NAME VERSION LICENSE [NAME VERSION LICENSE ...]
"""

import datetime
import json
import os
import sys
import uuid


def main():
    path, more = sys.argv[1], sys.argv[2:]
    with open(path, encoding="utf-8") as file:
        sbom = json.load(file)
    for name, version, license in zip(*[iter(more)] * 3, strict=True):
        sbom["components"].append(
            {
                "type": "library",
                "bom-ref": f"pkg:generic/{name}@{version}",
                "name": name,
                "version": version,
                "licenses": [{"expression": license}],
                "purl": f"pkg:generic/{name}@{version}",
            }
        )
    when = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.UTC)
    sbom["metadata"]["timestamp"] = when.strftime("%Y-%m-%dT%H:%M:%SZ")
    # One of the targets that it holds for.
    sbom["metadata"].pop("properties", None)
    sbom.pop("serialNumber", None)
    # Where it was made, in the names that its parts have for each other.
    text = json.dumps(sbom, sort_keys=True).replace(f"file://{os.getcwd()}", "file:///zixflow")
    sbom = json.loads(text)
    sbom["serialNumber"] = uuid.uuid5(uuid.NAMESPACE_URL, text).urn
    with open(path, "w", encoding="utf-8") as file:
        json.dump(sbom, file, indent=1)
        file.write("\n")


main()
