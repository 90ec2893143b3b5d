"""Schemathesis against the product's own WSGI application, by its own description.

It invents requests that the description allows, and ones that it does not, and looks at each
answer: no 5xx, and no status, content type, header or body that is not described.
"""

from functools import cache
from typing import Any
from uuid import UUID, uuid4

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi import checks

from metering import key_failures
from metering.api_keys import create_api_key
from metering.collectors.otlp import PROTOBUF
from metering.models import Tenant
from tests.conftest import Events
from tests.fuzz import good
from tests.fuzz.conftest import EXAMPLES, fuzzed
from tests.fuzz.hostile import damaged
from tests.openapi.conftest import describe, refuse

# A schema cannot say that `to` is after `from`, or that a part is not larger than the whole.
EXCLUDED: list[Any] = [checks.positive_data_acceptance]
# What other products' clients send is taken as it is: what is not read of it is not judged either.
FOREIGN = ("otlp", "otel", "/v1/traces", "/v1/metrics", "/v1/logs", "/batch", "/litellm")

schemathesis.openapi.media_type(PROTOBUF, damaged(*good.OTLP_PROTOBUF))
api: Any = schemathesis.openapi.from_dict(describe())
# Made when it is first asked: its middleware looks for the folder of static files.
wsgi = cache(get_wsgi_application)


def application(environ: Any, start: Any) -> Any:
    return wsgi()(environ, start)


api.app = application


@pytest.fixture(autouse=True)
def unknown_keys_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every unknown key is answered 401 here, however many there were."""
    monkeypatch.setattr(key_failures, "MOST", 10**9)


def newly_refused(tenant: Tenant) -> UUID:
    """An entry that waits: of the last one somebody may have disposed."""
    reference = uuid4()
    refuse(tenant, reference, Events().tokens("2026-10-02T10:00:00Z", input_tokens=1))
    return reference


def _is_wrong(case: Case[Any], location: ParameterLocation) -> bool:
    """Whether this part of the request was made to be refused."""
    made = case.meta.components.get(location) if case.meta else None
    return made is not None and made.mode.is_negative


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_every_answer_is_as_described(alice: Tenant, method: str, mode: GenerationMode) -> None:
    headers = {"Authorization": f"Bearer {create_api_key(alice)}"}

    def ask(case: Case[Any]) -> None:
        if "reference" in case.path_parameters and not _is_wrong(case, ParameterLocation.PATH):
            case.path_parameters["reference"] = str(newly_refused(alice))
        foreign = any(part in case.operation.path for part in FOREIGN)
        excluded = [*EXCLUDED, checks.negative_data_rejection] if foreign else EXCLUDED
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    for found in api.include(method=method).get_all_operations():
        operation = found.ok()
        if operation.path == "/healthz" and mode is GenerationMode.NEGATIVE:
            continue  # it asks for nothing that could be wrong
        cases: st.SearchStrategy[Case[Any]] = operation.as_strategy(mode)
        examples = settings(fuzzed, max_examples=EXAMPLES // 10 or 10)
        examples(given(cases)(ask))()
