"""Ends with 0 when the server in this container answers below 400, for `HEALTHCHECK`; Kubernetes has probes of its own.

usage: healthcheck.py URL (its port and path count: what is asked is always this container)
"""

import http.client
import sys
from urllib.parse import urlsplit


def healthy(url: str) -> bool:
    """Whether there is such an answer within two seconds."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=2)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status < 400
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not healthy(sys.argv[1]))
