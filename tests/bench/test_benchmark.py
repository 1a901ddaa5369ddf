"""What the figures of `make bench` mean. `make load-short` runs one short round of it."""

from bench.benchmark import compared, spread


def test_a_ratio_is_of_medians_and_its_range_of_single_rounds():
    assert compared([10.0, 20.0, 90.0], [10.0, 5.0, 10.0]) == "2.00 (1.00-9.00)"


def test_a_figure_has_its_range():
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0-3.0)"
