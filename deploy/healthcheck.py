"""Exits with 0 when the process in this container lives: `healthcheck.py API_PORT`. Standard library only."""

import os
import sys
from http.client import HTTPConnection

connection = HTTPConnection("127.0.0.1", int(os.environ[sys.argv[1]]), timeout=2)
connection.request("GET", "/health/live")
sys.exit(connection.getresponse().status != 200)
