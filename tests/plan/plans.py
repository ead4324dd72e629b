"""Small recipes and prices for the tests of planning."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from lanectl.prices import UnitPrices
from lanectl.recipe.tables import Recipe


def recipe(*, lane: dict[str, Any] | None = None, **tables: Any) -> Recipe:
    """A recipe with these tables, everything else as it is by default."""
    return Recipe.model_validate(
        {
            "name": "notes",
            "source": {"kind": "files"},
            "job": {"key": "{{ item.path }}", "prompt": "{{ item.text }}"},
            "output": {"kind": "text"},
            "lane": lane or {},
            "path": Path("notes.toml"),
            "sha256": "0" * 64,
            "origin": "path",
            **tables,
        }
    )


def unit_prices(*, read: str = "0.1", times: str = "0.000001") -> UnitPrices:
    """Prices relative to the input's: 1.25 and 2 for the two writes, `read` for a read, 5 for the output."""
    one = Decimal(times)
    return UnitPrices(
        input=one,
        output=one * 5,
        cache_read=one * Decimal(read),
        cache_write_5m=one * Decimal("1.25"),
        cache_write_1h=one * 2,
        derived=False,
        source="a test",
    )
