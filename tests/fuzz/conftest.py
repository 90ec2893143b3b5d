"""How long the fuzzers run: seconds in the suite, and as long as told by `make fuzz`."""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))

# The suite tries the same input each time, so that a failure is that of a change; `make fuzz` looks
# for what nobody has seen.
fuzzed = settings(
    max_examples=EXAMPLES or 150,
    derandomize=not EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
