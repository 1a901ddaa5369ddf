"""A bounded load of GET requests to one address on this machine, over http.client: count, times, faults.

`python -m bench.driver '{"port": 8080, "path": "/", "headers": {}, "threads": 8, "seconds": 2, "most": 5000,
"core": 1}'` prints one line of JSON: {"requests": n, "faults": n, "seconds": s, "p50": ms, "p95": ms}. It is a separate
process, so that it can be pinned to its own core.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import threading
import time
from statistics import quantiles


class Load:
    def __init__(self, job: dict) -> None:
        self.job = job
        self.times: list[float] = []
        self.faults = 0
        self.left = job["most"]
        self.gate = threading.Lock()
        self.end = 0.0

    def one(self) -> float:
        """Seconds of one request until the whole response is read; raises ValueError if it is not a 200 with a body."""
        begun = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.job["port"], timeout=30)
        try:
            connection.request("GET", self.job["path"], headers=self.job["headers"])
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        if response.status != 200 or not body:
            raise ValueError(f"status {response.status}")
        return time.perf_counter() - begun

    def worker(self) -> None:
        while True:
            with self.gate:
                if self.left <= 0 or time.perf_counter() >= self.end:
                    return
                self.left -= 1
            try:
                took = self.one()
            except (OSError, http.client.HTTPException, ValueError):
                with self.gate:
                    self.faults += 1
                continue
            self.times.append(took)

    def run(self) -> dict[str, float]:
        begun = time.perf_counter()
        self.end = begun + self.job["seconds"]
        threads = [threading.Thread(target=self.worker) for _ in range(self.job["threads"])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - begun
        cuts = quantiles(self.times, n=20) if len(self.times) > 1 else [0.0] * 19
        return {
            "requests": len(self.times),
            "faults": self.faults,
            "seconds": seconds,
            "p50": cuts[9] * 1000,
            "p95": cuts[18] * 1000,
        }


if __name__ == "__main__":
    job = json.loads(sys.argv[1])
    os.sched_setaffinity(0, {job["core"]})
    print(json.dumps(Load(job).run()))
