"""The output of a load test: a line for each figure, and what is wrong."""

from __future__ import annotations


class Report:
    def __init__(self) -> None:
        self.wrong: list[str] = []

    def say(self, words: str, *, wrong: bool = False) -> None:
        print(f"  {'WRONG: ' if wrong else ''}{words}", flush=True)
        if wrong:
            self.wrong.append(words)

    def check_log(self, log: str) -> None:
        """A traceback in the portal's log is wrong."""
        if "Traceback" in log:
            self.say(f"the portal's log has a traceback:\n{log[log.index('Traceback') :][:3000]}", wrong=True)
