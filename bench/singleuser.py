"""How long a person waits for the server itself: process start until the first HTTP answer, ours against
stock.

    python bench/singleuser.py [runs]

Stock is `jupyterhub-singleuser` of the same environment. The runs alternate, so that a busy machine slows
both.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

GOAL = 0.55
PATIENCE = 120  # seconds
COMMANDS = {
    "stock": [sys.executable, "-m", "jupyterhub.singleuser"],
    "qhub": [sys.executable, "-m", "qhub_hub.singleuser"],
}


class Hub(BaseHTTPRequestHandler):
    """Answers what a server asks its hub while it starts: the version."""

    def do_GET(self) -> None:
        body = b'{"version": "6.1.1"}'
        self.send_response(200)
        self.send_header("X-JupyterHub-Version", "6.1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Stay quiet."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment(home: str, hub_port: int, port: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": home,
        "JUPYTERHUB_API_URL": f"http://127.0.0.1:{hub_port}/hub/api",
        "JUPYTERHUB_API_TOKEN": "t",
        "JUPYTERHUB_CLIENT_ID": "jupyterhub-user-ann",
        "JUPYTERHUB_OAUTH_ACCESS_SCOPES": json.dumps(["access:servers!server=ann/"]),
        "JUPYTERHUB_SERVICE_PREFIX": "/user/ann/",
        "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{port}/user/ann/",
        "JUPYTERHUB_USER": "ann",
    }


def seconds_to_answer(command: list[str], hub_port: int) -> float:
    """Start a server in a fresh home and wait for its first answer."""
    port = free_port()
    with tempfile.TemporaryDirectory() as home, Path(home, "log").open("wb") as log:
        env = environment(home, hub_port, port)
        arguments = ["--allow-root"] if os.geteuid() == 0 else []
        begin = time.perf_counter()
        process = subprocess.Popen([*command, *arguments], env=env, cwd=home, stdout=log, stderr=log)
        try:
            while time.perf_counter() - begin < PATIENCE and process.poll() is None:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/user/ann/api", timeout=5).close()
                    return time.perf_counter() - begin
                except OSError:
                    time.sleep(0.01)
            sys.exit(f"{' '.join(command)} did not start:\n{Path(home, 'log').read_text()}")
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as hub:
        threading.Thread(target=hub.serve_forever, daemon=True).start()
        times: dict[str, list[float]] = {name: [] for name in COMMANDS}
        for _ in range(runs):
            for name, command in COMMANDS.items():
                times[name].append(seconds_to_answer(command, hub.server_port))
        hub.shutdown()
    medians = {name: statistics.median(measured) for name, measured in times.items()}
    for name, measured in times.items():
        each = ", ".join(f"{second:.2f}" for second in sorted(measured))
        print(f"{name:6} {medians[name]:.2f} s   ({each})")
    ratio = medians["qhub"] / medians["stock"]
    print(f"server start to first answer, qhub / stock: {ratio:.2f} (goal: at most {GOAL})")


if __name__ == "__main__":
    main()
