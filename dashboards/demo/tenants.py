"""The four fleets of the demonstration."""

from dataclasses import replace

from dashboards.demo.fleet import Agent, Fleet

_CLAUDE = Agent(
    name="",
    provider="anthropic",
    model="claude-sonnet",
    tasks=0,
    calls=4,
    system_blocks=36,
    hit=0.94,
)
_GPT = replace(_CLAUDE, provider="openai", model="gpt-mini", calls=3, system_blocks=18)
_MISTRAL = replace(_CLAUDE, provider="mistral_ai", model="mistral-large", system_blocks=22)
_QWEN = replace(_CLAUDE, provider="dashscope", model="qwen-max", system_blocks=20)
_DEEPSEEK = replace(_QWEN, provider="deepseek", model="deepseek-chat", calls=6)

ACME = Fleet(
    tenant="acme",
    timezone="America/New_York",
    agents=(
        replace(_GPT, name="support-triage", tasks=70, failure=0.02, team="support", instances=24),
        replace(
            _CLAUDE,
            name="code-review",
            tasks=18,
            calls=6,
            system_blocks=36,
            tool="sql",
            chip="h100-80gb",
            chip_seconds=40,
            failure=0.08,
            cold_days=(19, 20, 21),
            team="engineering",
        ),
        replace(
            _GPT,
            name="invoice-matcher",
            tasks=40,
            calls=2,
            failure=0.01,
            team="finance",
            instances=9,
        ),
        replace(
            _CLAUDE,
            name="research-crawler",
            tasks=6,
            calls=9,
            hit=0.45,
            failure=0.2,
            tool="web-search",
            chip="h100-80gb",
            chip_seconds=70,
            team="research",
        ),
        replace(_CLAUDE, name="summarizer", tasks=6, calls=2, parent="research-crawler"),
        replace(_GPT, name="sql-analyst", tasks=16, calls=4, hit=0.75, tool="sql", team="data"),
    ),
    bursts={14: ("h100-80gb", 22, 28)},
)

NORDLICHT = Fleet(
    tenant="nordlicht",
    timezone="Europe/Berlin",
    agents=(
        replace(
            _MISTRAL, name="dispatcher", tasks=45, chip="l40s", tool="route-planner", instances=15
        ),
        replace(_MISTRAL, name="customs-clerk", tasks=14, calls=5, failure=0.12, retry=0.12),
        replace(_MISTRAL, name="night-planner", tasks=4, calls=8, weekend=1.0, hit=0.6),
    ),
    bursts={3: ("l40s", 9, 40), 24: ("l40s", 14, 20)},
)

LOTUS = Fleet(
    tenant="lotus",
    timezone="Asia/Shanghai",
    agents=(
        replace(_QWEN, name="shop-guide", tasks=60, weekend=1.4, tool="catalogue", instances=32),
        replace(_DEEPSEEK, name="listing-writer", tasks=24, hit=0.65, weekend=0.8),
        replace(
            _QWEN, name="returns-desk", tasks=20, failure=0.06, chip="kunlun-p800", instances=11
        ),
    ),
    # Singles' Day, and its rehearsal.
    bursts={11: ("kunlun-p800", 48, 35), 28: ("kunlun-p800", 12, 25)},
)

HARBOR = Fleet(
    tenant="harbor",
    timezone="Pacific/Auckland",
    agents=(
        replace(
            _CLAUDE,
            name="contract-reader",
            tasks=2,
            calls=12,
            system_blocks=40,
            weekend=0.0,
            chip="h100-80gb",
        ),
    ),
    bursts={17: ("h100-80gb", 30, 6)},
)

FLEETS = (ACME, NORDLICHT, LOTUS, HARBOR)
