"""Exit code 0 while the process in this container is live: `healthcheck.py API_PORT`. Standard library only."""

import os
import sys
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(os.environ[sys.argv[1]]), timeout=2)
connection.request("GET", "/health/live")
sys.exit(connection.getresponse().status != 200)
