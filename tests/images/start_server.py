"""Runs inside the lab image: starts its server as a hub would, waits until it is healthy, prints what it found as JSON.

usage: start_server.py HEALTHCHECK (the command, as JSON)
"""

import json
import os
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Hub(BaseHTTPRequestHandler):
    """Says its version, whatever it is asked."""

    def do_GET(self) -> None:
        answer = b'{"version": "6.1.1"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, *arguments: object) -> None:
        """Nothing: the output is JSON."""


hub = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=hub.serve_forever, daemon=True).start()
os.environ |= {
    "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub.server_port}/hub/api",
    "JUPYTERHUB_API_TOKEN": "token",
    "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ann",
    "JUPYTERHUB_BASE_URL": "/",
    "JUPYTERHUB_HOST": "",
    "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
    "JUPYTERHUB_SERVICE_URL": "http://127.0.0.1:8888/user/ann/",
}
log = Path("/tmp/server.log")  # noqa: S108 - the only folder that can be written to
began = time.monotonic()
with log.open("wb") as output:
    command = [sys.executable, "-sP", "-m", "qhub_hub.singleuser"]  # the image's own; its entry has started this one
    server = subprocess.Popen(command, cwd=os.environ["HOME"], stdout=output, stderr=output)
healthy = False
while not healthy and server.poll() is None and time.monotonic() - began < 60:
    time.sleep(0.05)
    healthy = subprocess.run(json.loads(sys.argv[1]), check=False).returncode == 0
seconds = time.monotonic() - began
server.terminate()
server.wait(timeout=20)
text = log.read_text()
if not healthy:
    sys.exit(text)
loaded = re.findall(r"(\w+) \| extension was successfully loaded", text)
print(json.dumps({"healthy": healthy, "seconds": round(seconds, 2), "loaded": loaded}))
