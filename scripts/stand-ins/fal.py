"""Stands in for fal and for the SSH server of its instance, on loopback.

    fal.py LOG URL_FILE

Creates and deletes an instance over HTTP for the key in SECRETS_FAL_KEY, noting each request in LOG,
and greets on port 22 of 127.0.0.22 as an SSH server does. It ends by itself after ten minutes.
"""

import http.server
import json
import os
import signal
import socketserver
import sys
import threading
from pathlib import Path

KEY = "Key " + os.environ["SECRETS_FAL_KEY"]
INSTANCE = "inst-made"
SSH_ADDRESS = ("127.0.0.22", 22)


class Fal(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        complete = wanted.get("instance_type") and wanted.get("ssh_key", "").startswith("ssh-")
        self.answer("/v1/compute/instances", 200 if complete else 400, {"id": INSTANCE})

    def do_DELETE(self):
        self.answer(f"/v1/compute/instances/{INSTANCE}", 200, {})

    def answer(self, path, status, body):
        if self.headers["Authorization"] != KEY:
            status = 401
        elif self.path != path:
            status = 404
        note(f"fal {self.command} {self.path} {status}")
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Ssh(socketserver.ThreadingTCPServer):
    allow_reuse_address = True

    class Greeting(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.sendall(b"SSH-2.0-stand-in\r\n")


def note(line):
    with open(LOG, "a", encoding="utf-8") as log:
        log.write(line + "\n")


def serve(server):
    threading.Thread(target=server.serve_forever, daemon=True).start()


LOG = sys.argv[1]
signal.alarm(600)
try:
    serve(Ssh(SSH_ADDRESS, Ssh.Greeting))
except OSError as error:
    sys.exit(f"cannot listen on {SSH_ADDRESS}: {error}")
fal = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Fal)
serve(fal)
url_file = Path(sys.argv[2])
url_file.with_suffix(".part").write_text(f"http://127.0.0.1:{fal.server_port}/v1")
os.rename(url_file.with_suffix(".part"), url_file)
threading.Event().wait()
