"""What is done about refused events is described, whatever comes of it."""

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from metering.api_keys import create_api_key
from metering.models import Tenant
from metering.openapi.describe import JSON
from tests.openapi.conftest import REFUSED
from tests.openapi.test_description import Api, Description, check, missing, schema_of

ALL = "/api/v1/quarantine/replay"
ENTRY = f"/api/v1/quarantine/{REFUSED}"
REPLAY = f"{ENTRY}/replay"
PATHS = {
    ALL: ("post", ALL),
    ENTRY: ("delete", "/api/v1/quarantine/{reference}"),
    REPLAY: ("post", "/api/v1/quarantine/{reference}/replay"),
}
Step = tuple[str, object, int]
# One after the other: address, body, status. What is empty where a word is asked for is an error,
# so that no filter is lost.
STEPS: dict[str, list[Step]] = {
    "repaired": [(REPLAY, {"id": "x"}, 400), (REPLAY, None, 400), (missing(REPLAY), None, 404)],
    "replayed": [(REPLAY, None, 200), (REPLAY, None, 409), (f"{ENTRY}?reason=x", None, 409)],
    "dropped": [
        (ENTRY, None, 400),
        (ENTRY, {"why": "x"}, 400),
        (f"{ENTRY}?reason=x", {"reason": "y"}, 400),
        (f"{ENTRY}?reason={'x' * 501}", None, 400),
        (missing(ENTRY), {"reason": "x"}, 404),
        (f"{ENTRY}?reason=x", {"reason": "x"}, 204),
        (REPLAY, None, 409),
    ],
    "all": [
        (ALL, None, 400),
        (f"{ALL}?all=x", None, 400),
        (f"{ALL}?detail=time:&unmetered=", None, 400),
        (f"{ALL}?detail=time:&received_to=", None, 400),
        (f"{ALL}?all=true&state=dropped", None, 400),
        (f"{ALL}?all=true", None, 200),
        (f"{ALL}?received_from=soon", None, 400),
    ],
    "large": [(REPLAY, {"id": "x" * 99}, 413), (ENTRY, {"reason": "x" * 99}, 413)],
}


def act(client: Client, url: str, body: object) -> Any:
    method, _ = _operation(url)
    sent = b"" if body is None else json.dumps(body).encode()
    return client.generic(method.upper(), url, sent, content_type=JSON)


def _operation(url: str) -> tuple[str, str]:
    path = url.partition("?")[0]
    return next(found for ours, found in PATHS.items() if path in {ours, missing(ours)})


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_what_an_act_answers_is_as_described(
    alice: Tenant,
    api: Api,
    described: Description,
    steps: list[Step],
    settings: Settings,
) -> None:
    settings.INGEST_MAX_BODY_BYTES = 64
    client = api(alice)
    for url, body, status in steps:
        method, path = _operation(url)
        answer = act(client, url, body)
        assert answer.status_code == status, f"{url}: {answer.content!r}"
        operation = described["paths"][path][method]
        if status == 204:
            assert (answer.content, "204" in operation["responses"]) == (b"", True)
        else:
            check(described, schema_of(operation, status, answer["Content-Type"]), answer.json())


@pytest.mark.parametrize("url", PATHS)
def test_who_may_not_act_hears_it_as_described(
    tenant: Tenant, described: Description, url: str
) -> None:
    method, path = PATHS[url]
    reader = Client(headers={"Authorization": f"Bearer {create_api_key(tenant, ['read'])}"})
    for client, status in ((Client(), 401), (reader, 403)):
        answer = act(client, url, None)
        assert answer.status_code == status
        schema = schema_of(described["paths"][path][method], status, answer["Content-Type"])
        check(described, schema, answer.json())
