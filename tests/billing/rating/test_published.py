"""`manage.py rate` gives what other billing systems say that their examples cost."""

import io
import json
from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace

import pytest

from tests.billing.rating.published import CASES


def test_published_examples(manage: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [{"charge": charge, **usage} for _, charge, usage, _ in CASES]
    standard = SimpleNamespace(buffer=io.BytesIO(json.dumps(asked).encode()))
    monkeypatch.setattr("sys.stdin", standard)
    answers = json.loads(manage("rate"))
    wrong = []
    for (name, _, _, amount), rated in zip(CASES, answers, strict=True):
        summed = sum((Decimal(line["amount"]) for line in rated.get("lines", [])), Decimal(0))
        if rated.get("amount") != amount or summed != Decimal(amount):
            wrong.append((name, amount, rated))
    assert wrong == []
