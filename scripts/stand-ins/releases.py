"""Stands in for where releases are downloaded from: serves the files of a folder on loopback.

    releases.py LOG FOLDER URL_FILE

One line in LOG for each request. It is a proxy too, whose tunnels all lead to itself. What lies
below `flaky` is refused twice, by a 503, before it is served.
"""

import http.server
import sys
from collections import Counter
from pathlib import Path

LOG, FOLDER, URL_FILE = (Path(argument) for argument in sys.argv[1:])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refusals = Counter()
    tunnel = ""

    def do_CONNECT(self):  # the names that http.server looks up
        self.tunnel = f" by the tunnel to {self.path}"
        self.send_response(200)
        self.end_headers()
        self.close_connection = False  # whatever was asked of the proxy: this is the tunnel's now

    def do_GET(self):
        file = FOLDER / self.path.lstrip("/")
        code = 200 if file.is_file() else 404
        if self.path.startswith("/flaky/"):
            self.refusals[self.path] += 1
            code = 503 if self.refusals[self.path] <= 2 else code
        with LOG.open("a") as log:
            print(f"releases {self.path} {code}{self.tunnel}", file=log)
        body = file.read_bytes() if code == 200 else b"an error page"
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
URL_FILE.write_text(f"http://127.0.0.1:{server.server_port}")
server.serve_forever()
