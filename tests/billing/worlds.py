"""Tenants, their agreements and three months of events, of every kind together, for Hypothesis."""

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

MONTHS = ("2026-08", "2026-09", "2026-10")
Json = dict[str, Any]

TOKENS = {"type": "agent.tokens", "value": "input_tokens", "group_by": ["model"]}
OUT = {"type": "agent.tokens", "value": "output_tokens"}
VALUE = {"type": "custom.paid", "value": "value"}
METERS: tuple[Json, ...] = (
    TOKENS,
    OUT,
    VALUE,
    {"type": "agent.tool", "aggregation": "count", "group_by": ["tool"]},
    {"type": "agent.tokens", "aggregation": "unique", "value": "agent"},
    {"type": "agent.tokens", "aggregation": "max", "value": "input_tokens"},
    {"type": "custom.paid", "aggregation": "latest", "value": "value", "group_by": ["agent"]},
    {"metric": "succeeded_tasks"},
    {"metric": "delivering_agent_days"},
    {"type": "agent.tokens", "value": "input_tokens", "window": "day"},
)
BY_UNITS = ("per_unit", "package", "graduated", "volume")

prices = st.sampled_from(["0", "0.001", "0.0375", "0.5", "1.005", "7"])
coins = st.integers(1, 90).map(str)


def _tiers(price: str, rates: st.SearchStrategy[str]) -> st.SearchStrategy[list[Json]]:
    return st.tuples(rates, rates, st.sampled_from(["0", "0.25", "3"])).map(
        lambda p: [{"up_to": "10", price: p[0], "flat_amount": p[2]}, {"up_to": None, price: p[1]}]
    )


_MODELS: dict[str, st.SearchStrategy[Json]] = {
    "per_unit": st.fixed_dictionaries({"unit_amount": prices}),
    "package": st.fixed_dictionaries(
        {"package_size": st.sampled_from(["3", "10.5"]), "package_amount": prices}
    ),
    "graduated": st.fixed_dictionaries({"tiers": _tiers("unit_amount", prices)}),
    "volume": st.fixed_dictionaries({"tiers": _tiers("unit_amount", prices)}),
    "percentage": st.fixed_dictionaries(
        {"rate_percent": prices},
        optional={"fixed_amount_per_event": prices, "maximum_amount_per_event": st.just("7")},
    ),
    "graduated_percentage": st.fixed_dictionaries({"tiers": _tiers("rate_percent", prices)}),
    "dynamic": st.just({}),
}
_ADJUSTMENTS: st.SearchStrategy[Json] = st.fixed_dictionaries(
    {},
    optional={
        "unit_conversion": st.sampled_from(
            [{"divide_by": "3"}, {"divide_by": "7", "rounding": "ceiling"}]
        ),
        "free_units": st.sampled_from(["2", "12.5"]),
        "commitment": st.sampled_from(
            [{"amount": "5"}, {"amount": "9", "overage_factor": "1.5", "true_up": True}]
        ),
        "discount_percent": st.sampled_from(["10", "33.3"]),
        "maximum_amount": st.just("60"),
        "minimum_amount": st.just("4"),
    },
)


@st.composite
def charges(draw: st.DrawFn, code: str) -> Json:
    model = draw(st.sampled_from(list(_MODELS)))
    meter = draw(st.sampled_from(METERS if model in BY_UNITS else (VALUE, OUT)))
    charge = {"model": model, **draw(_MODELS[model]), **draw(_ADJUSTMENTS)}
    return {"code": code, "meter": meter, "charge": charge}


@st.composite
def plans(draw: st.DrawFn, code: str, currency: str, valid_from: str) -> Json:
    rated = [draw(charges(f"c{n}")) for n in range(draw(st.integers(1, 3)))]
    plan: Json = {"code": code, "currency": currency, "valid_from": valid_from, "charges": rated}
    plan["fees"] = [
        {
            "code": f"fee{n}",
            "amount": draw(coins),
            "in_advance": draw(st.booleans()),
            "prorate": draw(st.sampled_from(["day", "second", "none"])),
            "interval": draw(st.sampled_from(["month", "month", "year"])),
        }
        for n in range(draw(st.integers(0, 2)))
    ]
    if draw(st.booleans()):
        plan["minimum_commitment"] = draw(coins)
    free = [c["code"] for c in rated if _by_units(c)]
    if draw(st.booleans()) and free:
        prorate = draw(st.sampled_from(["none", "day"]))
        plan["allowances"] = [{"code": "gift", "charges": free, "units": "7", "prorate": prorate}]
    return plan


def _by_units(entry: Json) -> bool:
    return entry["charge"]["model"] in BY_UNITS and "window" not in entry["meter"]


@dataclass(frozen=True)
class World:
    """What an operator sets up, what arrives in time by month, and what arrives late."""

    zone: str
    currency: str
    tax: str
    credit: str
    plans: list[Json]
    subscriptions: list[Json]
    # Whether the last subscription is only told once the first month is invoiced.
    backdated: bool
    coupons: list[Json]
    tenant_charges: list[Json]
    events: dict[str, list[Json]]
    late: dict[str, list[Json]]

    def configuration(self, slug: str, *, told: bool = True) -> Json:
        """The file, with plans of the tenant's own. Without what is `told` only later."""
        some = self.subscriptions if told else self.subscriptions[:1]
        own = {"tenant": slug}
        return {
            "tenants": [
                {
                    "slug": slug,
                    "timezone": self.zone,
                    "currency": self.currency,
                    "tax_percent": self.tax,
                }
            ],
            "plans": [{**plan, "code": f"{slug}-{plan['code']}"} for plan in self.plans],
            "subscriptions": [{**own, **s, "plan": f"{slug}-{s['plan']}"} for s in some],
            "coupons": [{**own, **item} for item in self.coupons],
            "tenant_charges": [{**own, **item} for item in self.tenant_charges],
        }


@st.composite
def events(draw: st.DrawFn, month: str, few: int) -> list[Json]:
    found = []
    for n in range(draw(st.integers(0, few))):
        day = draw(st.sampled_from(["01", "02", "15", "16", "24", "29", "30"]))
        clock = draw(st.sampled_from(["00:00:00", "03:59:59.999", "12:00:00", "22:30:00"]))
        kind, data = draw(_data(f"{month}-{n}"))
        found.append(
            {
                "specversion": "1.0",
                "id": f"{month}-{few}-{n}",
                "source": "laws",
                "type": kind,
                "subject": draw(st.sampled_from(["ada", "bob"])),
                "time": f"{month}-{day}T{clock}Z",
                "data": data,
            }
        )
    return found


def _data(task: str) -> st.SearchStrategy[tuple[str, Json]]:
    small = st.integers(0, 40)
    return st.one_of(
        st.fixed_dictionaries(
            {
                "model": st.sampled_from(["a", "b"]),
                "input_tokens": small,
                "output_tokens": small,
            }
        ).map(lambda data: ("agent.tokens", data)),
        st.sampled_from(["0.01", "3.333", "19", "40"]).map(lambda v: ("custom.paid", {"value": v})),
        st.sampled_from(["s", "t"]).map(lambda tool: ("agent.tool", {"tool": tool})),
        st.sampled_from(["succeeded", "failed"]).map(
            lambda status: ("agent.task", {"task": task, "status": status})
        ),
    )


@st.composite
def worlds(draw: st.DrawFn) -> World:
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    made = [draw(plans("one", currency, "2026-01-01"))]
    if draw(st.booleans()):
        made.append(
            draw(plans("one", currency, draw(st.sampled_from(["2026-09-11", "2026-10-26"]))))
        )
    begins = draw(st.sampled_from(["2026-08-01", "2026-08-31", "2026-07-31"]))
    subscriptions: list[Json] = [{"plan": "one", "valid_from": begins}]
    second = draw(st.sampled_from(["", "upgrade", "cancel"]))
    if second == "upgrade":
        made.append(draw(plans("two", currency, "2026-01-01")))
        day = draw(st.sampled_from(["2026-09-16", "2026-09-30"]))
        subscriptions.append({"plan": "two", "valid_from": day})
    elif second == "cancel":
        subscriptions[0]["ends"] = draw(st.sampled_from(["2026-10-16", "2026-10-31"]))
    return World(
        zone=draw(st.sampled_from(["UTC", "Europe/Berlin", "Asia/Shanghai", "America/New_York"])),
        currency=currency,
        tax=draw(st.sampled_from(["0", "8.875", "19"])),
        credit=draw(st.sampled_from(["", "5", "60", "5000"])),
        plans=made,
        subscriptions=subscriptions,
        backdated=second == "upgrade" and draw(st.booleans()),
        coupons=draw(_coupons(currency)),
        tenant_charges=[draw(_own_charge())] if draw(st.booleans()) else [],
        events={month: draw(events(month, 12)) for month in MONTHS},
        late={month: draw(events(month, 5)) for month in MONTHS[:2]},
    )


@st.composite
def _own_charge(draw: st.DrawFn) -> Json:
    return {
        **draw(charges("c0")),
        "valid_from": draw(st.sampled_from(["2026-08-16", "2026-09-01"])),
    }


@st.composite
def _coupons(draw: st.DrawFn, currency: str) -> list[Json]:
    found: list[Json] = []
    if draw(st.booleans()):
        months = draw(st.sampled_from([1, 2, "forever"]))
        found.append(
            {
                "code": "share",
                "valid_from": "2026-08-01",
                "months": months,
                "percent": "12.5",
                "charges": ["c0"],
            }
        )
    if draw(st.booleans()):
        found.append(
            {
                "code": "sum",
                "valid_from": "2026-09-01",
                "months": "forever",
                "amount": draw(coins),
                "currency": currency,
            }
        )
    return found
