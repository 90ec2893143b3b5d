"""Decorators that say, beside a view, what it takes and answers.

A read is described by `lists` or `shows`, an ingestion view by `takes`, a method that changes
something by `acts`. The first sentence of its docstring is the summary, the rest the description;
path, method and security are found.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from metering.openapi.schemas import PROBLEM, Schema, rows_of, text

JSON, PROBLEM_JSON, CSV = "application/json", "application/problem+json", "text/csv"
Answers = dict[int | tuple[int, str], Any]
_View = TypeVar("_View", bound=type[APIView])
_Function = TypeVar("_Function", bound=Callable[..., Any])

REASONS = {
    400: "The request is wrong; `detail` names the parameter, field or header.",
    401: "No API key, or one that is unknown or revoked.",
    403: "The key lacks the scope.",
    404: "There is no such thing, or it is another tenant's.",
    409: "It was done already, or with other content under the same key.",
    413: "More than INGEST_MAX_BODY_BYTES, as sent or unpacked.",
    415: "A Content-Type or Content-Encoding that is not taken.",
    429: "Too much of this tenant waits to be stored, or too many unknown keys came from this"
    " address; send it again after Retry-After.",
    503: "A database is down; nothing was lost, send it again after Retry-After.",
}


def parameter(name: str, schema: Schema, of: str = "", required: bool = False) -> OpenApiParameter:
    """A parameter of the query."""
    return _parameter(name, schema, "query", of, required)


def header(name: str, schema: Schema) -> OpenApiParameter:
    """A header of the request."""
    return _parameter(name, schema, "header")


def path(name: str, schema: Schema) -> OpenApiParameter:
    """A part of the path."""
    return _parameter(name, schema, "path", required=True)


def _parameter(
    name: str,
    schema: Schema,
    where: Literal["query", "path", "header"],
    of: str = "",
    required: bool = False,
) -> OpenApiParameter:
    bare = {key: value for key, value in schema.items() if key != "description"}
    of = of or schema.get("description", "")
    return OpenApiParameter(name, bare, where, required, description=of)


RANGE = (
    parameter(
        "from",
        {"type": "string", "format": "date"},
        "The first day, of the tenant's calendar; the first of this month when absent.",
    ),
    parameter(
        "to",
        {"type": "string", "format": "date"},
        "The day after the last one; tomorrow when absent.",
    ),
)


def group_by(dimensions: Sequence[str]) -> OpenApiParameter:
    """`group_by` over these dimensions and labels."""
    known: Schema = {"type": "string", "enum": list(dimensions)}
    label: Schema = {"type": "string", "pattern": r"^(labels\.[^,\s]+)?$"}
    choices = ", ".join((*dimensions, "labels.<key>"))
    return OpenApiParameter(
        "group_by",
        {"type": "array", "items": {"anyOf": [known, label]}},
        style="form",
        explode=False,
        description=f"One row for each value of these, separated by commas: {choices}.",
    )


def lists(row: Schema, *parameters: OpenApiParameter, **more: Any) -> Callable[[_View], _View]:
    """A view that answers `{"rows": [...], "next": ...}`."""
    return shows(rows_of(row), *parameters, **more)


def shows(
    answer: Schema, *parameters: OpenApiParameter, kind: str = JSON, found: bool = False
) -> Callable[[_View], _View]:
    """A view that answers this; `found` where it is 404 unless there is one."""

    def decorate(view: _View) -> _View:
        statuses = (400, 401, 403, *((404,) if found else ()), 429, 503)
        view.get = extend_schema(  # type: ignore[attr-defined]
            parameters=[*parameters, *_headers(statuses)],
            responses={(200, kind): answer, **problems(statuses)},
        )(view.get)  # type: ignore[attr-defined]
        return view

    return decorate


def takes(
    bodies: Mapping[str, Any],
    answers: Answers,
    *parameters: OpenApiParameter,
) -> Callable[[_Function], _Function]:
    """An ingestion view: by content type what it takes, by status (and type) what it answers."""
    statuses = [key[0] if isinstance(key, tuple) else key for key in answers]

    def decorate(view: _Function) -> _Function:
        described = extend_schema(
            request=dict(bodies),
            responses=dict(answers),
            parameters=[*parameters, _ENCODING, *_headers(statuses)],
        )
        # REST framework's own mark of a function that is a view of an API.
        view.cls = type("Ingestion", (_Described,), {"post": described(_nothing(view))})  # type: ignore[attr-defined]
        view.initkwargs = {}  # type: ignore[attr-defined]
        return view

    return decorate


def acts(
    answers: Answers,
    *parameters: OpenApiParameter,
    bodies: Mapping[str, Any] | None = None,
    refusals: Sequence[int] = (),
) -> Callable[[_Function], _Function]:
    """A method of a view that changes something, with the bodies it may have."""
    statuses = sorted({400, 401, 403, 429, 503, *refusals})
    encoding = (_ENCODING,) if bodies else ()
    described: Callable[[_Function], _Function] = extend_schema(
        request=dict(bodies) if bodies else None,
        responses={**answers, **problems(statuses)},
        parameters=[*parameters, *encoding, *_headers(statuses)],
    )
    return described


def open_to_all(answers: Answers) -> Callable[[_Function], _Function]:
    """A function that answers GET without a key."""

    def decorate(view: _Function) -> _Function:
        described = extend_schema(responses=dict(answers))(_nothing(view))
        open_view = {
            "get": described,
            "authentication_classes": [],
            "permission_classes": [AllowAny],
        }
        view.cls = type("Open", (_Described,), open_view)  # type: ignore[attr-defined]
        view.initkwargs = {}  # type: ignore[attr-defined]
        return view

    return decorate


def problems(statuses: Sequence[int]) -> Answers:
    """These statuses as problem documents."""
    return {
        (status, PROBLEM_JSON): OpenApiResponse(PROBLEM, REASONS[status]) for status in statuses
    }


class _Described(APIView):
    """Stands for a plain Django view in the description, and is never asked."""


def _nothing(view: Callable[..., Any]) -> Callable[..., None]:
    """A method with the view's docstring."""

    def method(self: APIView, request: object) -> None:
        raise NotImplementedError

    method.__doc__ = view.__doc__
    return method


_ENCODING = header(
    "Content-Encoding",
    text("How the body is packed; not if empty.", "", "identity", "gzip", "zstd"),
)


def _headers(statuses: Sequence[int]) -> list[OpenApiParameter]:
    """The headers that come with some statuses."""
    described = (
        ("Retry-After", (429, 503), {"type": "integer"}, "Seconds to wait."),
        ("WWW-Authenticate", (401,), {"type": "string"}, "What is asked for."),
    )
    return [
        OpenApiParameter(name, schema, OpenApiParameter.HEADER, description=of, response=given)
        for name, known, schema, of in described
        if (given := [status for status in known if status in statuses])
    ]
