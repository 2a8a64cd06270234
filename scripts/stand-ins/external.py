"""Stands in for Terraform's `external` provider: runs the data source of FOLDER/main.tf.

    external.py FOLDER [VARIABLE=VALUE]...

Prints the result as JSON, after checking what the provider would, and that main.tf uses no key that
the result lacks.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import hcl2

folder = Path(sys.argv[1])
given = dict(pair.split("=", 1) for pair in sys.argv[2:])
text = (folder / "main.tf").read_text()
config = hcl2.loads(text)


def unquoted(value):
    return value.strip('"')


def named(blocks):
    return {unquoted(name): body for block in blocks for name, body in block.items()}


variables = {
    name: given.get(name, unquoted(body.get("default", "")))
    for name, body in named(config["variable"]).items()
}
(source,) = named(named(config["data"])["external"] for _ in [0]).values()


def filled(value):
    value = unquoted(value).replace("${path.module}", str(folder))
    return re.sub(r"\$\{var\.(\w+)\}", lambda match: variables[match[1]], value)


answer = subprocess.run(
    [filled(word) for word in source["program"]],
    input=json.dumps({key: filled(value) for key, value in source["query"].items()}),
    stdout=subprocess.PIPE, text=True, timeout=60, check=True,
)
result = json.loads(answer.stdout)
if not all(isinstance(value, str) for value in result.values()):
    sys.exit(f"every value must be a string: {result}")
if missing := set(re.findall(r"data\.external\.\w+\.result\.(\w+)", text)) - result.keys():
    sys.exit(f"main.tf uses {missing}, and the result has only {set(result)}")
print(json.dumps(result))
