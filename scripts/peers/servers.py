"""The servers that nobody here wrote: Prism, nginx, tinyproxy, squid, on free ports of loopback."""

import email.utils
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import oracle

ROOT = Path(__file__).resolve().parents[2]
PRISM = ROOT / "target/peers/npm/node_modules/.bin/prism"
SQUID_PASSWORD = "/usr/lib/squid/basic_ncsa_auth"

NGINX = """
daemon off; user root; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.error;
events {{ worker_connections 1000; }}
http {{
    access_log off; server_tokens on; client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
    fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
    proxy_cache_path {folder}/kept keys_zone=kept:1m; limit_req_zone $request_uri zone=slow:1m rate=10r/m;
    server {{
        listen 127.0.0.1:{http}; listen 127.0.0.1:{tls} ssl;
        ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
        {locations}
    }}
}}
"""
TINYPROXY = "Port {port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nLogFile \"{log}\"\nLogLevel Connect\n{more}\n"
SQUID = """http_port 127.0.0.1:{squid}
pid_filename none
cache deny all
access_log stdio:{folder}/squid.access
cache_log {folder}/squid.log
coredump_dir {folder}
dns_timeout 2 seconds
shutdown_lifetime 0 seconds
auth_param basic program {program} {folder}/passwords
acl known proxy_auth REQUIRED
acl password dstdomain password.test
acl denied dstdomain denied.test
http_access deny denied
http_access deny password !known
http_access allow all
"""


class Servers:
    """Started on entering, ended by their own process ids on leaving."""

    def __init__(self, folder, cases):
        self.folder, self.cases, self.children = Path(folder), cases, []
        names = "http tls prism dynamic tiny tinyauth tinydeny squid closed".split()
        bound = {name: socket.create_server(("127.0.0.1", 0)) for name in names}
        self.facts = {name: str(one.getsockname()[1]) for name, one in bound.items()}
        for one in bound.values():
            one.close()
        self.silent = socket.create_server(("127.0.0.1", 0), backlog=1000)
        soon = int(time.time()) + 20
        self.facts |= {"silent": str(self.silent.getsockname()[1]), "folder": str(folder), "ca": f"{folder}/ca.pem",
                       "soon": str(soon), "soon_date": email.utils.formatdate(soon, usegmt=True), "far": str(soon + 3600)}

    def fill(self, text, name):
        facts = self.facts | {"name": name, "flag": f"{self.folder}/flags/{name}"}
        return re.sub(r"\{(\w+)\}", lambda found: facts.get(found[1], found[0]), text)

    def __enter__(self):
        try:
            self.write()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def write(self):
        folder, facts = self.folder, self.facts
        folder.chmod(0o777)  # squid leaves root
        for name in ("flags", "bodies"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for seed in range(200):
            at = folder / f"bodies/{seed}/v1/compute/instances"
            at.mkdir(parents=True)
            (at / oracle.ID).write_text(oracle.body(seed)[0], encoding="utf-8", newline="")
        self.certificates()
        locations = {case.place or case.name: case for case in self.cases}
        text = "\n".join(f"location /{at}/ {{ {self.fill(case.conf, case.name)} }}" for at, case in locations.items())
        (folder / "nginx.conf").write_text(NGINX.format(locations=text, **facts))
        for name, more in (("tiny", ""), ("tinyauth", "BasicAuth anna peers-pass"), ("tinydeny", "ConnectPort 1")):
            log = f"{folder}/{name}.log"
            (folder / f"{name}.conf").write_text(TINYPROXY.format(port=facts[name], log=log, more=more))
        (folder / "passwords").write_text("")
        (folder / "squid.conf").write_text(SQUID.format(program=SQUID_PASSWORD, **facts))
        made_up = (ROOT / "tests/data/openapi.yaml").read_text()
        made_up = made_up.replace("id: {type: string}", f"id: {{type: string, enum: [{oracle.ID}]}}")
        (folder / "dynamic.yaml").write_text(made_up.replace("ip: {type: string,", "ip: {type: string, format: ipv4,"))

    def certificates(self):
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=self.folder, check=True, capture_output=True)

        new = ("req", "-newkey", "rsa:2048", "-nodes")
        openssl(*new, "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=peers CA")
        openssl(*new, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        (self.folder / "names").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", "server.pem")

    def start(self):
        folder, facts = self.folder, self.facts
        document = ROOT / "tests/data/openapi.yaml"
        commands = {
            "prism": [str(PRISM), "mock", "-h", "127.0.0.1", "-p", facts["prism"], str(document)],
            "dynamic": [str(PRISM), "mock", "-d", "-h", "127.0.0.1", "-p", facts["dynamic"], f"{folder}/dynamic.yaml"],
            "http": ["nginx", "-e", f"{folder}/nginx.error", "-c", f"{folder}/nginx.conf"],
            "squid": ["squid", "-N", "-f", f"{folder}/squid.conf"],
        }
        for name in ("tiny", "tinyauth", "tinydeny"):
            commands[name] = ["tinyproxy", "-d", "-c", f"{folder}/{name}.conf"]
        for name, command in commands.items():
            out = (folder / f"{name}.out").open("wb")
            found = shutil.which(command[0], path="/usr/sbin:/usr/bin:/sbin:/bin") or command[0]
            child = subprocess.Popen([found, *command[1:]], stdout=out, stderr=out, stdin=subprocess.DEVNULL)
            self.children.append((name, child))
        deadline = time.monotonic() + 60
        for name, child in self.children:
            self.wait_for(name, child, deadline)

    def wait_for(self, name, child, deadline):
        while True:
            try:
                socket.create_connection(("127.0.0.1", int(self.facts[name])), 1).close()
                return
            except OSError:
                if child.poll() is not None or time.monotonic() > deadline:
                    said = (self.folder / f"{name}.out").read_text(errors="replace")[-2000:]
                    raise SystemExit(f"peers: {name} does not listen: {said}") from None
                time.sleep(0.1)

    def __exit__(self, *_):
        for _, child in self.children:
            child.terminate()
        for _, child in self.children:
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.silent.close()

    def proxy_log(self, name):
        return (self.folder / ("squid.access" if name == "squid" else f"{name}.log")).read_text(errors="replace")
