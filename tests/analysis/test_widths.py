"""What a product is made as wide as, on networks where a round costs more or less than computing in wider words."""

from __future__ import annotations

import pytest

from ditto.analysis.widths import plan_widths
from ditto.dialects import ring
from ditto.policy.link import LAN, WAN, Link


def made(rows: int, link: Link) -> int:
    """The width of a product [rows, 768] x [768, 768] that is squared: 20 bits are needed, 29 wanted."""
    x, w, y = (f"tensor<1x{n}x768x!ring.fxp<32, {f}>>" for n, f in ((rows, 8), (768, 12), (rows, 8)))
    module = ring.parse_module(
        f"""
func.func @main(%x: {x}, %w: {w}) -> {y} attributes {{ditto.ranges = array<i64: 18, 20>}} {{
  %0 = ring.matmul %x, %w {{shift = 12 : i64, range = 18 : i64}} : ({x}, {w}) -> {y}
  %1 = ring.square %0 {{shift = 8 : i64, range = 20 : i64}} : ({y}) -> {y}
  return %1 : {y}
}}"""
    )
    function = ring.main(module)
    [product, *_] = function.body.block.ops
    return plan_widths(function, link).made[product.results[0]]


@pytest.mark.parametrize("rows, link, width", [(1, LAN, 29), (128, LAN, 20), (128, WAN, 29), (2048, WAN, 20)])
def test_a_round_is_weighed_against_the_work(rows: int, link: Link, width: int) -> None:
    assert made(rows, link) == width
