"""The benchmark is run by hand; that it still runs, and what its figures mean, is tested."""

import subprocess
import sys
from pathlib import Path

from bench.benchmark import compared, spread

ROOT = Path(__file__).resolve().parents[2]


def test_a_ratio_is_of_medians_and_its_range_of_single_rounds():
    assert compared([10.0, 20.0, 90.0], [10.0, 5.0, 10.0]) == "2.00 (1.00-9.00)"


def test_a_figure_has_its_range():
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0-3.0)"


def test_one_short_round_measures_all_targets():
    command = [sys.executable, "-m", "bench.benchmark", "--rounds", "1", "--seconds", "0.4", "--rows", "300"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    for target in ("floor", "list page", "its fragment", "Django admin"):
        assert f"\n{target} " in done.stdout
    assert "list page / floor" in done.stdout
    assert "CSS and JS:" in done.stdout
