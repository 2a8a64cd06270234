"""Runs the program against each case and holds it to what the contract says.

    run.py PROGRAM [--only PART-OF-A-NAME] [--record FILE]
"""

import argparse
import base64
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import oracle
from cases import KEY, all_cases
from servers import Servers

AT_ONCE = 32
LONGEST = 120  # seconds that one run may take
RUNNING = set()
SECRETS = (KEY, KEY.split(":")[1], base64.b64encode(KEY.encode()).decode())


def expected(case, url):
    if not case.condition:
        return case.code, case.out
    try:
        asked = urllib.request.Request(f"{url}/compute/instances/{oracle.ID}", headers={"Authorization": f"Key {KEY}"})
        with urllib.request.urlopen(asked, timeout=20) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as refused:
        raise SystemExit(f"peers: {case.name}: {refused}") from None
    code, out = oracle.judge(text, case.condition)
    return (code,), out


def run(program, case, servers):
    url = servers.fill(case.url, case.name)
    codes, out = expected(case, url)
    report = servers.folder / f"report-{case.name}"
    environment = {"PATH": os.environ["PATH"], "HOME": str(servers.folder), "FAL_KEY": KEY, "FAL_API_URL": url}
    environment |= {name: servers.fill(value, case.name) for name, value in case.env.items()}
    command = [program, *case.ids.split(), *case.args.split(), "--report", str(report)]
    flag = threading.Timer(case.later, (servers.folder / "flags" / case.name).touch)
    if case.later:
        flag.start()
    began = time.monotonic()
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        RUNNING.add(child)
        try:
            told = child.communicate(timeout=LONGEST)
            code = child.returncode
        except subprocess.TimeoutExpired:
            child.kill()
            told, code = child.communicate(), "no end"
        RUNNING.discard(child)
    stdout, stderr = (text.decode(errors="replace") for text in told)
    took = time.monotonic() - began
    flag.cancel()
    reported = report.read_text(errors="replace") if report.exists() else ""
    faults = list(compare(case, codes, out, code, stdout, stderr, took))
    if any(secret in text for secret in SECRETS for text in (stdout, stderr, reported)):
        faults.append("THE KEY IS IN THE OUTPUT")
    if case.record:
        name, word = case.record.split()
        if f"{word} localhost:{servers.facts['tls']}" not in servers.proxy_log(name):
            faults.append(f"{name} saw no {word}")
    return {"case": case, "codes": codes, "code": code, "took": took, "faults": faults, "stderr": stderr}


def compare(case, codes, out, code, stdout, stderr, took):
    if code not in codes:
        yield "exit code"
    if out is not None and stdout != out:
        yield f"standard output {stdout[:60]!r} for {out!r}"
    for pattern in case.says:
        if not re.search(pattern, stderr):
            yield f"does not say /{pattern}/"
    for pattern in (*case.never, "panicked"):
        if re.search(pattern, stderr):
            yield f"says /{pattern}/"
    if case.ends_by and took > case.ends_by:
        yield f"ends after {took:.1f} s, not by {case.ends_by}"
    if took < case.took:
        yield f"ends after {took:.1f} s, before {case.took}"


def row(result):
    case = result["case"]
    wanted = " or ".join(map(str, result["codes"]))
    return f"{case.name:28} {wanted:12} {result['code']!s:7} {result['took']:5.1f} s  {'; '.join(result['faults']) or 'ok'}"


def run_all(program, cases, servers):
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            return list(pool.map(lambda case: run(program, case, servers), cases))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in tuple(RUNNING):
                child.kill()
            raise


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("peers: terminated"))
    options = argparse.ArgumentParser()
    options.add_argument("program")
    options.add_argument("--only", default="")
    options.add_argument("--record")
    options = options.parse_args()
    cases = [case for case in all_cases() if options.only in case.name]
    if not cases:
        sys.exit(f"peers: no case has {options.only} in its name")
    with tempfile.TemporaryDirectory(prefix="peers-") as folder, Servers(folder, cases) as servers:
        results = run_all(options.program, cases, servers)
    print(f"{'case':28} {'expected':12} {'actual':7} {'took':>7}")
    for result in results:
        print(row(result))
    red = [result for result in results if result["faults"]]
    for result in red:
        case, end = result["case"], "".join(f"    {line[:300]}\n" for line in result["stderr"].splitlines()[-6:])
        print(f"\n{row(result)}\n    wait-ready {case.ids} {case.args}  {case.env or ''}\n{end}", end="")
    if options.record:
        lines = (f"{r['case'].name}\t{r['case'].args}\t{'/'.join(map(str, r['codes']))}\t{r['code']}\t{'; '.join(r['faults'])}\n"
                 for r in results)
        Path(options.record).write_text("".join(lines))
    print(f"\n{len(results) - len(red)} passed, {len(red)} failed")
    return bool(red)


sys.exit(main())
