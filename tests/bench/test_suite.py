"""`make load-short` fails when a load test fails, and never hangs."""

from __future__ import annotations

import pytest

from bench.suite import Load, main

GOOD = Load("calendar", ("2026", "1"), ("2026",), 60)
BAD = Load("calendar", ("--no-such-option",), ("2026",), 60)
ENDLESS = Load("http.server", ("0", "--bind", "127.0.0.1"), ("0",), 1)


@pytest.mark.parametrize(
    ("loads", "code", "words"),
    [
        ({"one": GOOD}, 0, "one: ok"),
        ({"one": BAD, "two": GOOD}, 1, "one: FAILED, exit code 2"),
        ({"one": ENDLESS}, 1, "one: FAILED, not done after 1 s"),
    ],
)
def test_it_fails_if_one_of_its_load_tests_fails(
    loads: dict[str, Load], code: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["short"], loads) == code
    output = capfd.readouterr().out
    assert words in output
    assert all(f"  {name}: " in output for name in loads), "the others run after a failure"


def test_one_load_test_can_be_run_alone(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["full", "two"], {"one": BAD, "two": GOOD}) == 0
    assert "one" not in capfd.readouterr().out


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(SystemExit):
        main(["short", "three"], {"one": GOOD})
