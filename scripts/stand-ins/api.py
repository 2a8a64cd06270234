#!/usr/bin/env python3
"""Stands in for the API on loopback, for every script and bench: it shares no code with the program.

    STAND_IN_KEY=KEY api.py [--tls PEM] [--pending POLLS] [--ip IP] [--ssh ADDRESS] [--lifetime SECONDS]

Prints its port on standard output, and a line for each request on standard error. Whatever id is asked
for is an instance: `pending` for so many polls, then `ready`. `inst_forever` stays pending, and one that
was deleted is not found. POST creates `inst-made`.
"""

import argparse
import http.server
import json
import os
import re
import socketserver
import ssl
import sys
import threading
from collections import Counter

INSTANCES = "/v1/compute/instances"
ONE = re.compile(INSTANCES + "/([A-Za-z0-9_-]+)")
FOREVER, MADE = "inst_forever", "inst-made"


class Api(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, key: str, pending: int, ip: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.authorization = f"Key {key}"
        self.pending, self.ip = pending, ip
        self.polls: Counter[str] = Counter()
        self.deleted: set[str] = set()
        self.lock = threading.Lock()

    def secure(self, pem: str) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        # The handshake belongs to the thread of the connection, not to the one that accepts.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def act(self, method: str, path: str, body: bytes) -> tuple[int, dict]:
        """The status and the body of an answer to whoever has the key."""
        one = ONE.fullmatch(path)
        with self.lock:
            if method == "POST" and path == INSTANCES:
                return self.create(json.loads(body))
            if one is None or one[1] in self.deleted:
                return refusal(404, "not_found", "no such instance, or no such path")
            if method == "DELETE":
                self.deleted.add(one[1])
                return 200, {}
            self.polls[one[1]] += 1
            return 200, self.instance(one[1])

    def create(self, wanted: dict) -> tuple[int, dict]:
        if not wanted.get("instance_type") or not wanted.get("ssh_key", "").startswith("ssh-"):
            return refusal(400, "validation_error", "instance_type and ssh_key are required")
        self.deleted.discard(MADE)
        self.polls[MADE] = 0
        return 200, self.instance(MADE)

    def instance(self, instance_id: str) -> dict:
        ready = instance_id != FOREVER and self.polls[instance_id] > self.pending
        return {
            "id": instance_id,
            "instance_type": "gpu_1x_h100_sxm5",
            "region": "us-west",
            "sector": None,
            "ip": self.ip if ready else None,
            "status": "ready" if ready else "pending",
            "creator_user_nickname": "stand-in",
        }


def refusal(status: int, kind: str, message: str) -> tuple[int, dict]:
    return status, {"error": {"type": kind, "message": message}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    # As servers do: else the client's delayed acknowledgement would be measured, 40 ms.
    disable_nagle_algorithm = True
    server: Api

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") == self.server.authorization:
            status, answer = self.server.act(self.command, self.path, body)
        else:
            status, answer = refusal(401, "authorization_error", "no such key")
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer  # the names that http.server looks up

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        sys.stderr.write(f"fal {self.command} {self.path} {code}\n")


class Ssh(socketserver.ThreadingTCPServer):
    """The SSH server of an instance, as far as its greeting."""

    allow_reuse_address = daemon_threads = True

    class Greeting(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"SSH-2.0-stand-in\r\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tls", metavar="PEM", help="serve HTTPS with this certificate and key")
    parser.add_argument("--pending", type=int, default=2, help="polls before ready")
    parser.add_argument("--ip", default="203.0.113.42", help="address of what is ready")
    parser.add_argument("--ssh", metavar="ADDRESS", help="greet at port 22 of ADDRESS as SSH does")
    parser.add_argument("--lifetime", type=float, default=600, help="seconds until it ends by itself")
    options = parser.parse_args()

    api = Api(os.environ["STAND_IN_KEY"], options.pending, options.ip)
    if options.tls:
        api.secure(options.tls)
    if options.ssh:
        try:
            ssh = Ssh((options.ssh, 22), Ssh.Greeting)
        except OSError as error:
            sys.exit(f"cannot listen on port 22 of {options.ssh}: {error}")
        threading.Thread(target=ssh.serve_forever, daemon=True).start()
    end = threading.Timer(options.lifetime, api.shutdown)
    end.daemon = True
    end.start()
    sys.stdout.reconfigure(newline="\n")  # as a shell on Windows reads it too
    print(api.server_port, flush=True)
    api.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
