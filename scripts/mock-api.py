#!/usr/bin/env python3
"""A stand-in for the Compute API, outside the program under test.

Serves GET /v1/compute/instances/{id} on a free loopback port, prints that port on
stdout, and one line for each request on stderr. Every instance is `pending` for
`--pending` polls and then `ready`; `inst_forever` stays pending. Only the key in
MOCK_API_KEY is let in. With `--tls PEM`, a file with a certificate and its key, it
speaks HTTPS. It ends by itself after `--lifetime` seconds.
"""

import argparse
import http.server
import json
import os
import re
import ssl
import threading
from collections import Counter

IP = "203.0.113.42"
FOREVER = "inst_forever"
INSTANCE_PATH = re.compile(r"/v1/compute/instances/([A-Za-z0-9_-]+)")


class MockApi(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, key: str, pending: int) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.authorization = f"Key {key}"
        self.pending = pending
        self.polls: Counter[str] = Counter()
        self.lock = threading.Lock()

    def instance(self, instance_id: str) -> dict:
        with self.lock:
            self.polls[instance_id] += 1
            polls = self.polls[instance_id]
        ready = instance_id != FOREVER and polls > self.pending
        return {
            "id": instance_id,
            "instance_type": "gpu_1x_h100_sxm5",
            "region": "us-west",
            "sector": None,
            "ip": IP if ready else None,
            "status": "ready" if ready else "pending",
            "creator_user_nickname": "mock",
        }


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: MockApi

    def do_GET(self) -> None:  # the name that http.server looks up
        if self.headers.get("Authorization") != self.server.authorization:
            self.refuse(401, "authorization_error", "no such key")
        elif match := INSTANCE_PATH.fullmatch(self.path):
            self.answer(200, self.server.instance(match[1]))
        else:
            self.refuse(404, "not_found", "no such path")

    def refuse(self, code: int, kind: str, message: str) -> None:
        self.answer(code, {"error": {"type": kind, "message": message}})

    def answer(self, code: int, body: dict) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pending", type=int, default=2, help="polls before ready")
    parser.add_argument("--tls", metavar="PEM", help="serve HTTPS with this certificate")
    parser.add_argument("--lifetime", type=float, default=600, help="seconds")
    options = parser.parse_args()

    api = MockApi(os.environ["MOCK_API_KEY"], options.pending)
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options.tls)
        api.socket = context.wrap_socket(api.socket, server_side=True)
    end = threading.Timer(options.lifetime, api.shutdown)
    end.daemon = True
    end.start()
    print(api.server_port, flush=True)
    api.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
