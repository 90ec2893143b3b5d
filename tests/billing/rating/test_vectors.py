"""Every case taken from the tests and documents of other billing systems."""

import json
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.rating.case import rate_json

ROOT = Path(__file__).resolve().parents[3]
FILE = Path(os.environ.get("VECTORS_DIR", ROOT.parent / "shared" / "vectors")) / "rating.json"
CASES: list[dict[str, Any]] = json.loads(FILE.read_bytes()) if FILE.is_file() else []


@pytest.mark.skipif(not CASES, reason=f"no {FILE}: set VECTORS_DIR to the folder that holds it")
def test_all_vectors_give_their_amount_and_lines_that_sum_to_it() -> None:
    wrong = []
    for case, rated in zip(CASES, rate_json(FILE.read_bytes()), strict=True):
        expected = Decimal(case["amount"])
        amounts: Any = rated.get("lines", [])
        summed = sum((Decimal(line["amount"]) for line in amounts), Decimal(0))
        if "error" in rated or Decimal(str(rated["amount"])) != expected or summed != expected:
            wrong.append((case["id"], str(expected), rated))
    assert wrong == []
