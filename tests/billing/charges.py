"""Charges and meters of every kind, for Hypothesis, and a form sent as a browser would send it."""

from typing import Any

from hypothesis import strategies as st

from billing.rating.charge_models import CHARGE_MODELS
from metering.usage.meter import AGGREGATIONS, DIMENSIONS, LABEL, METRIC_DIMENSIONS, VALUES, WINDOWS

numbers = st.one_of(
    st.integers(0, 10**9).map(str),
    st.decimals(0, 10**6, places=8).map(lambda number: f"{number:f}"),
    st.integers(0, 1000),
)
positive = st.integers(1, 10**9).map(str)
words = st.text("abcXYZ019 -_.:/é,'\"", max_size=8)


@st.composite
def tiers(draw: st.DrawFn, price: str = "unit_amount") -> list[dict[str, Any]]:
    bounds = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    rows = []
    for bound in [*map(str, bounds), None]:
        row = {"up_to": bound, price: draw(numbers)}
        if draw(st.booleans()):
            row["flat_amount"] = draw(numbers)
        rows.append(row)
    return rows


def _model_fields(model: str) -> st.SearchStrategy[dict[str, Any]]:
    zero = {"charge_zero_usage": st.booleans()}
    by_model: dict[str, st.SearchStrategy[Any]] = {
        "per_unit": st.fixed_dictionaries({"unit_amount": numbers}),
        "package": st.fixed_dictionaries({"package_size": positive, "package_amount": numbers}),
        "graduated": st.fixed_dictionaries({"tiers": tiers()}, optional=zero),
        "volume": st.fixed_dictionaries({"tiers": tiers()}, optional=zero),
        "percentage": st.fixed_dictionaries(
            {"rate_percent": numbers},
            optional={
                "fixed_amount_per_event": numbers,
                "minimum_amount_per_event": st.integers(0, 9).map(str),
                "maximum_amount_per_event": st.integers(10, 99).map(str),
            },
        ),
        "graduated_percentage": st.fixed_dictionaries(
            {"tiers": tiers("rate_percent")}, optional=zero
        ),
        "dynamic": st.just({}),
        "burst": st.just({}),
    }
    return by_model[model]


_adjustments = st.fixed_dictionaries(
    {},
    optional={
        "commitment": st.fixed_dictionaries(
            {"amount": numbers}, optional={"overage_factor": numbers, "true_up": st.booleans()}
        ),
        "discount_percent": st.integers(0, 100).map(str),
        "maximum_amount": numbers,
        "minimum_amount": numbers,
    },
)
_of_units = st.fixed_dictionaries(
    {},
    optional={
        "unit_conversion": st.fixed_dictionaries(
            {"divide_by": positive},
            optional={"rounding": st.sampled_from(["none", "ceiling", "floor", "half_up"])},
        ),
        "free_units": numbers,
    },
)


@st.composite
def charges(draw: st.DrawFn, models: tuple[str, ...] = tuple(CHARGE_MODELS)) -> dict[str, Any]:
    model = draw(st.sampled_from(models))
    of_units = {} if model == "burst" else draw(_of_units)
    return {"model": model, **draw(_model_fields(model)), **of_units, **draw(_adjustments)}


@st.composite
def meters(draw: st.DrawFn) -> dict[str, Any]:
    if draw(st.booleans()):
        metric = draw(st.sampled_from(sorted(METRIC_DIMENSIONS)))
        return {"metric": metric} | draw(_narrowed(METRIC_DIMENSIONS[metric], ("day",)))
    kind = draw(st.sampled_from(sorted(DIMENSIONS)))
    dimensions = DIMENSIONS[kind]
    possible = [name for name in AGGREGATIONS if name in {"count", "unique"} or VALUES[kind]]
    meter: dict[str, Any] = {"type": kind + ("gpu.hours" if kind == "custom." else "")}
    aggregation = draw(st.sampled_from(possible))
    if aggregation != "sum" or draw(st.booleans()):
        meter["aggregation"] = aggregation
    if aggregation == "unique":
        meter["value"] = draw(_dimension(dimensions))
    elif aggregation != "count":
        meter["value"] = draw(st.sampled_from(VALUES[kind]))
    return meter | draw(_narrowed(dimensions, WINDOWS))


def _dimension(dimensions: tuple[str, ...]) -> st.SearchStrategy[str]:
    labels = words.filter(bool).map(lambda key: LABEL + key)
    return st.one_of(st.sampled_from(dimensions), labels)


def _narrowed(
    dimensions: tuple[str, ...], windows: tuple[str, ...]
) -> st.SearchStrategy[dict[str, Any]]:
    names = _dimension(dimensions)
    return st.fixed_dictionaries(
        {},
        optional={
            "filters": st.dictionaries(names, st.lists(words, min_size=1, max_size=3), max_size=3),
            "group_by": st.lists(names, unique=True, max_size=3),
            "window": st.sampled_from(windows),
        },
    )


def sent(form: Any) -> dict[str, Any]:
    """What a browser sends of a form as it is shown, its rows included."""
    bound = list(form)
    for rows in form.rows.values():
        bound += list(rows.management_form)
        bound += [field for row in rows.forms for field in row]
    values = {field.html_name: field.value() for field in bound}
    return {n: "" if v is None else v for n, v in values.items() if v is not False}
