"""Charges and quantities for laws that must hold for all of them."""

from collections.abc import Mapping

from hypothesis import strategies as st

Charge = Mapping[str, object]

quantities = st.decimals(0, 10**6, places=3, allow_nan=False)
prices = st.decimals(0, 1000, places=6, allow_nan=False).map(str)
sizes = st.decimals("0.001", 1000, places=3, allow_nan=False).map(str)
per_unit: st.SearchStrategy[Charge] = st.fixed_dictionaries(
    {"model": st.just("per_unit"), "unit_amount": prices}
)
package: st.SearchStrategy[Charge] = st.fixed_dictionaries(
    {"model": st.just("package"), "package_size": sizes, "package_amount": prices}
)


@st.composite
def tiered(draw: st.DrawFn, model: str) -> Charge:
    bounds = draw(st.sets(st.decimals("0.001", 10**6, places=3), max_size=4))
    tiers = [
        {"up_to": bound, "unit_amount": draw(prices), "flat_amount": draw(prices)}
        for bound in [*map(str, sorted(bounds)), None]
    ]
    return {"model": model, "tiers": tiers, "charge_zero_usage": draw(st.booleans())}


@st.composite
def adjusted(draw: st.DrawFn, charges: st.SearchStrategy[Charge]) -> Charge:
    """Any charge with any of the adjustments around it."""
    roundings = st.sampled_from(["none", "ceiling", "floor", "half_up"])
    adjustments = st.fixed_dictionaries(
        {},
        optional={
            "unit_conversion": st.fixed_dictionaries({"divide_by": sizes, "rounding": roundings}),
            "free_units": quantities.map(str),
            "commitment": st.fixed_dictionaries(
                {"amount": prices, "overage_factor": sizes, "true_up": st.booleans()}
            ),
            "discount_percent": st.decimals(0, 100, places=2).map(str),
            "maximum_amount": prices,
            "minimum_amount": prices,
        },
    )
    return {**draw(charges), **draw(adjustments)}


monotone = st.one_of(per_unit, package, tiered("graduated"))
any_model = st.one_of(monotone, tiered("volume"))
