"""Runs the steps of a CI file as GitHub or GitLab would, or writes them out for shellcheck.

    ci_job.py github FILE --action FOLDER [NAME=VALUE]...
    ci_job.py gitlab FILE [NAME=VALUE]...
    ci_job.py scripts FILE FOLDER

FOLDER of --action has the action.yml that a step's `uses: …/wait-ready@…` stands for. NAME=VALUE
wins over the file's own variables; SECRETS_NAME in the environment is the secret NAME. It knows
what this repository's files use, and ends with an error at anything else.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

EXPRESSION = re.compile(r"\$\{\{(.*?)\}\}")
STEP_TIMEOUT = 30
BASH_OPTIONS = ["--noprofile", "--norc", "-eo", "pipefail"]


def main():
    kind, file, *rest = sys.argv[1:]
    document = yaml.safe_load(Path(file).read_text())
    if kind == "scripts":
        write_scripts(document, Path(rest[0]))
    elif kind == "github":
        action, overrides = Path(rest[1]), dict(pair.split("=", 1) for pair in rest[2:])
        sys.exit(not GitHub(document, action, overrides).run())
    elif kind == "gitlab":
        sys.exit(not run_gitlab(document, dict(pair.split("=", 1) for pair in rest)))
    else:
        sys.exit(__doc__)


def scripts(document):
    """(name, lines) of each script, whatever the kind of file."""
    if "jobs" in document:
        steps = [step for job in document["jobs"].values() for step in job["steps"]]
    else:
        jobs = {name: job for name, job in document.items() if "script" in job}
        return [(name, "\n".join(job["script"])) for name, job in jobs.items()]
    return [(step["name"], step["run"]) for step in steps if "run" in step]


def write_scripts(document, folder):
    folder.mkdir(parents=True)
    for name, script in scripts(document):
        if EXPRESSION.search(script):
            sys.exit(f"{name}: an expression inside a script is an injection: pass it by `env`")
        path = folder / f"{re.sub('[^a-z0-9]+', '-', name.lower())}.sh"
        path.write_text(f"#!/usr/bin/env bash\nset -eo pipefail\n{script}")


def run_command(command, environment):
    step = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True,
    )
    try:
        return step.wait(STEP_TIMEOUT) == 0
    except subprocess.TimeoutExpired:
        os.killpg(step.pid, signal.SIGKILL)
        sys.exit(f"still running after {STEP_TIMEOUT} s: {command}")


class GitHub:
    """One job of a workflow, and the action that it uses."""

    def __init__(self, workflow, action_folder, overrides):
        self.workflow = workflow
        (self.job,) = workflow["jobs"].values()
        self.action_folder = action_folder
        self.overrides = overrides
        self.folder = Path(os.environ["RUNNER_TEMP"])
        self.summary = self.folder / "summary.md"

    def run(self):
        declared = {**self.workflow.get("env", {}), **self.job.get("env", {}), **self.overrides}
        steps = self.job["steps"]
        succeeded, outputs = True, {step["id"]: {} for step in steps if "id" in step}
        for step in steps:
            expressions = Expressions(succeeded, outputs, declared)
            if not expressions.holds(step.get("if", "success()")):
                print(f"-- {step['name']}: skipped", flush=True)
                continue
            env = {**declared, **expressions.fill(step.get("env", {}))}
            if "uses" in step:
                passed, given = self.run_action(step, env, expressions)
            else:
                passed, given = self.run_command(["bash", *BASH_OPTIONS, "-c", step["run"]], env)
            print(f"-- {step['name']}: {'passed' if passed else 'failed'} {given}", flush=True)
            outputs.get(step.get("id"), {}).update(given)
            succeeded = succeeded and passed
        return succeeded

    def run_command(self, command, env):
        descriptor, output = tempfile.mkstemp(prefix="set_output_", dir=self.folder)
        os.close(descriptor)
        runner = {
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_OUTPUT": output,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": "1",
            "GITHUB_STEP_SUMMARY": str(self.summary),
        }
        passed = run_command(command, {**os.environ, **runner, **env})
        lines = Path(output).read_text().splitlines()
        return passed, dict(line.split("=", 1) for line in lines)

    def run_action(self, step, env, expressions):
        # Whoever owns it: the release that the stand-in serves is someone's.
        if not re.fullmatch(r"[\w-]+/wait-ready@\S+", step["uses"]):
            sys.exit(f"cannot stand in for {step['uses']}")
        action = yaml.safe_load((self.action_folder / "action.yml").read_text())
        given, declared = expressions.fill(step.get("with", {})), action["inputs"]
        if unknown := given.keys() - declared.keys():
            sys.exit(f"the action has no input {unknown}")
        inputs = {name: given.get(name, spec.get("default", "")) for name, spec in declared.items()}
        if missing := [n for n, spec in declared.items() if spec.get("required") and not inputs[n]]:
            sys.exit(f"the action needs {missing}")
        env |= {f"INPUT_{name.upper()}": value for name, value in inputs.items()}
        env["GITHUB_ACTION_REPOSITORY"] = "someone/wait-ready"
        main = self.action_folder / action["runs"]["main"]
        passed, outputs = self.run_command(["node", str(main)], env)
        return passed, {name: outputs.get(name, "") for name in action["outputs"]}


class Expressions:
    """What stands between `${{` and `}}`."""

    def __init__(self, succeeded, outputs, env):
        self.functions = {"success": lambda: succeeded, "always": lambda: True, "ref": self.look_up}
        self.outputs, self.env = outputs, env

    def fill(self, mapping):
        return {
            name: EXPRESSION.sub(lambda match: str(self.value(match[1])), str(text))
            for name, text in mapping.items()
        }

    def holds(self, condition):
        return bool(self.value(condition))

    def value(self, expression):
        python = re.sub(r"\b\w[\w-]*(\.[\w-]+)+", lambda match: f"ref('{match[0]}')", expression)
        python = python.replace("&&", " and ").replace("||", " or ")
        return eval(python.strip(), {"__builtins__": {}}, self.functions)

    def look_up(self, path):
        match path.split("."):
            case ["secrets", name]:
                return os.environ[f"SECRETS_{name}"]
            case ["env", name]:
                return self.env.get(name, "")
            case ["steps", step, "outputs", name]:
                return self.outputs[step].get(name, "")
        sys.exit(f"cannot stand in for {path}")


def run_gitlab(document, overrides):
    """Runs the jobs in the order of their stages; each gets the variables of the dotenv reports."""
    jobs = {name: job for name, job in document.items() if "script" in job}
    reported = {}
    for name, job in sorted(jobs.items(), key=lambda item: document["stages"].index(item[1]["stage"])):
        env = {**os.environ, "CI": "true", **job.get("variables", {}), **reported, **overrides}
        passed = run_command(["bash", *BASH_OPTIONS, "-c", "\n".join(job["script"])], env)
        print(f"-- {name}: {'passed' if passed else 'failed'}", flush=True)
        if not passed:
            return False
        if dotenv := job.get("artifacts", {}).get("reports", {}).get("dotenv"):
            reported.update(read_dotenv(Path(dotenv)))
    return True


def read_dotenv(path):
    variables = {}
    for line in path.read_text().splitlines():
        # GitLab takes neither blank lines, comments nor quotes.
        if not (match := re.fullmatch(r"(\w+)=([^\s'\"]+)", line)):
            sys.exit(f"{path}: GitLab would refuse {line!r}")
        variables[match[1]] = match[2]
    return variables


main()
