"""The floor: the least that a page over this API can cost with the usual client.

One call with requests, one json decode, a constant response. Do not change it: the portal is compared with it.
"""

import json
import os
from collections.abc import Callable, Iterable

import requests

URL = os.environ.get("BENCH_UPSTREAM", "") + "/api/v1/organization/devices"
QUERY = {"includeSubOrgDevices": "false", "page": "0", "size": "50"}
SESSION = requests.Session()
SESSION.headers["Authorization"] = "Bearer " + os.environ.get("BENCH_TOKEN", "")
ANSWER = b"<!doctype html><title>floor</title>"


def application(environ: dict[str, object], start_response: Callable[..., object]) -> Iterable[bytes]:
    page = json.loads(SESSION.get(URL, params=QUERY, timeout=10).content)
    found = len(page["content"]) == 50
    start_response("200 OK" if found else "502 Bad Gateway", [("Content-Length", str(len(ANSWER)))])
    return [ANSWER]
