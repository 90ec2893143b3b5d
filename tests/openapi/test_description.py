"""The description says all that is there, and what it says of an answer is so."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import jsonschema
import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from metering.api_keys import create_api_key
from metering.collectors import lago, litellm
from metering.models import Tenant
from metering.openapi.describe import JSON
from metering.usage.event import _Envelope
from tests.conftest import Events
from tests.openapi.conftest import EXPORT_JOB, RANGE, REFUSED

Api = Callable[[Tenant], Client]
Description = dict[str, Any]

# The page that shows the description.
NOT_DESCRIBED = {"/api/docs/"}
# What stands in an address where the description has a name.
PATH_VALUES = {
    "number": "INV-2026-000001",
    "position": "1",
    "kind": "lines",
    "reference": str(REFUSED),
    "task": "t1",
    "job": str(EXPORT_JOB),
}
# What a read is asked with, where the range of dates alone is not enough.
QUERIES = {
    "/api/v1/exports/{kind}.csv": ["period=2026-10"],
    "/api/v1/usage": [RANGE, f"{RANGE}&group_by=day,agent,model,labels.a"],
    "/api/v1/daa": [RANGE, f"{RANGE}&group_by=model", f"{RANGE}&group_by=labels.a"],
    "/api/v1/efficiency": [RANGE, f"{RANGE}&group_by=model"],
    "/api/v1/bursts/what-if": [f"{RANGE}&chip=p800&baseline=0&baseline=2.5&credit_cap=60"],
    "/api/v1/invoices": [""],
    "/api/v1/invoices/preview": ["month=2026-11", ""],
    "/api/v1/quarantine": ["", "state=all&group_by=detail", "group_by=source"],
}


def addresses(patterns: list[Any], before: str = "/") -> Iterator[str]:
    """Every address of the installation, parameters as the description writes them."""
    for pattern in patterns:
        address = before + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, address)
        elif isinstance(pattern, URLPattern):
            yield address


def operations(described: Description, method: str) -> Iterator[tuple[str, Description]]:
    for path, methods in described["paths"].items():
        if method in methods:
            yield path, methods[method]


def check(described: Description, schema: Description, answer: object) -> None:
    """The answer is what the schema says; references lead into the description."""
    jsonschema.Draft202012Validator(
        {**schema, "components": described["components"]},
        format_checker=jsonschema.FormatChecker(),
    ).validate(answer)


def schema_of(operation: Description, status: int, kind: str) -> Description:
    answer = operation["responses"].get(str(status))
    assert answer, f"{operation['operationId']} answers {status}, and that is not described"
    content = answer.get("content", {})
    assert kind in content, f"{operation['operationId']} answers {status} as {kind}, not described"
    schema: Description = content[kind]["schema"]
    return schema


def test_every_address_of_the_api_is_described(described: Description) -> None:
    api = {
        address
        for address in addresses(get_resolver().url_patterns)
        if address.startswith(("/api/", "/v1/", "/healthz"))
    }
    missing = api - NOT_DESCRIBED - described["paths"].keys()
    assert not missing, f"decorate the views of {sorted(missing)}, see metering/openapi/describe.py"
    assert described["paths"].keys() <= api


def test_every_operation_says_what_it_is_for_and_what_it_answers(described: Description) -> None:
    for method in ("get", "post", "delete"):
        for path, operation in operations(described, method):
            where = f"{method} {path}"
            assert operation.get("summary"), f"{where}: the view has no docstring"
            assert not operation["summary"].startswith("`"), f"{where}: {operation['summary']}"
            good = [code for code in operation["responses"] if code.startswith("2")]
            assert good, where
            described_well = operation["responses"][good[0]]
            assert good[0] == "204" or described_well.get("content"), f"{where}: use lists or shows"
            if path.startswith(("/api/v1/", "/v1/")):
                assert operation["security"] == [{"bearer": []}, {"basic": []}], where
                assert {"401", "403", "503"} <= operation["responses"].keys(), where


def test_the_document_is_well_formed(described: Description) -> None:
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    text = json.dumps(described)
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named == described["components"]["schemas"].keys()


def reads(described: Description) -> Iterator[tuple[str, Description, str]]:
    """Every read with an address to ask it at, a query string included."""
    for path, operation in operations(described, "get"):
        names = set(re.findall(r"{(\w+)}", path))
        assert names <= PATH_VALUES.keys(), f"{path}: what is asked for belongs into PATH_VALUES"
        for query in QUERIES.get(path, [RANGE]):
            yield path, operation, f"{path.format(**PATH_VALUES)}?{query}"


def test_real_answers_of_every_read_are_as_described(
    alice: Tenant, api: Api, described: Description
) -> None:
    client = api(alice)
    for path, operation, url in reads(described):
        answer = client.get(url)
        kind = answer["Content-Type"].partition(";")[0]
        assert answer.status_code == 200, f"{url}: {answer.content!r}"
        schema = schema_of(operation, 200, kind)
        if kind == "application/json":
            body = answer.json()
            check(described, schema, body)
            assert body.get("rows", body), f"{url}: nothing to look at; give alice some"
        elif kind == "text/csv":
            assert b"".join(answer.streaming_content).count(b"\n") > 1  # type: ignore[attr-defined]
        else:
            assert path == "/api/schema/" or answer.content


@pytest.mark.parametrize("accept", ["text/csv", "application/xml", "application/problem+json"])
def test_whatever_is_accepted_an_answer_has_its_one_form(
    alice: Tenant, api: Api, accept: str
) -> None:
    client = api(alice)
    for path, kind in (("exports/lines.csv?period=2026-10", "text/csv"), ("usage", JSON)):
        answer = client.get(f"/api/v1/{path}", headers={"Accept": accept})
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith(kind)


def missing(url: str) -> str:
    """The address of something that is not there."""
    for there, not_there in (
        ("INV-2026", "INV-1999"),
        ("lines.csv", "odes.csv"),
        (str(REFUSED), str(UUID(int=2))),
        (str(EXPORT_JOB), str(UUID(int=4))),
    ):
        url = url.replace(there, not_there)
    return url


def test_what_is_refused_is_as_described(alice: Tenant, api: Api, described: Description) -> None:
    blind = Client(headers={"Authorization": f"Bearer {create_api_key(alice, ['ingest'])}"})
    for path, operation, url in reads(described):
        if not path.startswith("/api/v1/"):
            continue
        for client, status, address in (
            (Client(), 401, url),
            (blind, 403, url),
            (api(alice), 404, missing(url)),
            (api(alice), 400, f"{url}&from=x&to=x&after=x&time=x&period=x&group_by=x"),
        ):
            answer = client.get(address)
            if status in {400, 404} and answer.status_code == 200:
                list(answer if answer.streaming else ())  # a file is closed at its end
                continue  # it has nothing that could be wrong, or missing
            assert answer.status_code == status, f"{address}: {answer.content!r}"
            schema = schema_of(operation, status, answer["Content-Type"])
            check(described, schema, answer.json())
            if status == 401:
                assert "WWW-Authenticate" in answer
                assert "WWW-Authenticate" in operation["responses"]["401"]["headers"]


EVENT = {"specversion": "1.0", "id": "x", "source": "s", "type": "custom.x", "data": {"value": 1}}
LAGO = {"transaction_id": "l", "external_subscription_id": "s", "code": "c", "properties": {}}
SENT: list[tuple[str, str, object, int]] = [
    ("/api/v1/events", "application/cloudevents+json", EVENT, 200),
    ("/api/v1/events", "application/json", [EVENT, {"id": "y"}], 400),
    ("/api/v1/events", "application/json", "no event", 400),
    ("/api/v1/events", "text/plain", EVENT, 415),
    ("/api/v1/events", "application/json", {"event": LAGO}, 200),
    ("/api/v1/events", "application/json", {"event": {}}, 422),
    ("/api/v1/events/batch", "application/json", {"events": [LAGO]}, 200),
    ("/api/v1/events/batch", "application/json", {"events": [LAGO, {}]}, 422),
    ("/api/v1/events/batch", "application/json", {"events": []}, 422),
    ("/api/v1/events/batch", "application/json", {"events": 1}, 400),
    ("/api/v1/litellm", "application/json", [], 200),
    ("/api/v1/litellm", "application/json", [{"model": 1}], 400),
    ("/api/v1/budgets/reserve", "application/json", {"key": "a", "amount": "1"}, 200),
    ("/api/v1/budgets/reserve", "application/json", {"key": "a", "amount": 0}, 400),
    ("/api/v1/budgets/settle", "application/json", {"key": "a", "amount": "1"}, 404),
    ("/v1/traces", "application/json", {}, 200),
    ("/v1/traces", "application/json", {"resourceSpans": 1}, 400),
    ("/v1/traces", "text/plain", {}, 415),
    ("/v1/metrics", "application/json", {}, 200),
]


@pytest.mark.parametrize(("path", "kind", "body", "status"), SENT)
def test_real_answers_to_what_is_sent_are_as_described(
    tenant: Tenant,
    api: Api,
    described: Description,
    path: str,
    kind: str,
    body: object,
    status: int,
) -> None:
    operation = described["paths"][path]["post"]
    sent = json.dumps(body).encode()
    headers = {"Prefer": "return=representation"}
    answer = api(tenant).post(path, sent, content_type=kind, headers=headers)
    assert answer.status_code == status, answer.content
    check(described, schema_of(operation, status, answer["Content-Type"]), answer.json())
    nobody = Client().post(path, sent, content_type=kind)
    assert nobody.status_code == 401
    check(described, schema_of(operation, 401, nobody["Content-Type"]), nobody.json())


def test_what_is_described_of_an_event_is_what_is_read_of_it(
    described: Description, event: Events
) -> None:
    schemas = described["components"]["schemas"]
    for kind in schemas["Event"]["anyOf"]:
        assert set(kind["properties"]) == set(_Envelope.__struct_fields__)
    assert set(schemas["LagoEvent"]["properties"]) == set(lago.LagoEvent.__struct_fields__)
    assert set(schemas["LiteLLMPayload"]["properties"]) == set(litellm._Payload.__struct_fields__)
    check(described, schemas["Event"], event.tokens("2026-10-05T12:00:00Z", input_tokens=5))
    check(described, schemas["Event"], event.chip("2026-10-05T12:00:00Z", "2026-10-05T12:00:00Z"))
    misspelt = event.tokens("2026-10-05T12:00:00Z", inputTokens=5)
    with pytest.raises(jsonschema.ValidationError):
        check(described, schemas["Event"], misspelt)


def test_the_description_is_served_to_anybody_in_yaml_and_json(client: Client) -> None:
    assert client.get("/api/schema/")["Content-Type"].startswith("application/vnd.oai.openapi")
    served = client.get("/api/schema/?format=json")
    assert served.json()["openapi"].startswith("3.1")
    assert "/api/v1/events" in served.json()["paths"]


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/invoices/a%20b", "/v1/nothing"])
def test_what_is_not_there_is_a_problem_too(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["title"] == "Not Found"
    assert "there is nothing at /" in answer.json()["detail"]
    page = client.get("/nothing/")
    assert page["Content-Type"].startswith("text/html")


def test_a_fault_of_ours_is_a_problem_too(
    alice: Tenant, api: Api, monkeypatch: pytest.MonkeyPatch, described: Description
) -> None:
    monkeypatch.setattr("billing.queries.usage", lambda *_: 1 / 0)
    client = api(alice)
    client.raise_request_exception = False
    answer = client.get("/api/v1/usage")
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    check(described, described["components"]["schemas"]["Problem"], answer.json())
