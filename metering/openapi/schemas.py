"""The JSON Schemas (2020-12) that answers are described with, by what a number means.

They are shut: an object holds what it names and nothing else, so a field that is added to an answer
and not to its description fails the tests.
"""

from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]

COMPONENTS: dict[str, Schema] = {}


def component(name: str, schema: Schema) -> Schema:
    """Give the schema a name in the document; the reference to it."""
    COMPONENTS[name] = schema
    return {"$ref": f"#/components/schemas/{name}"}


def nullable(schema: Schema) -> Schema:
    """The same, or null where there is none: never 0 for what is not known."""
    return schema | {"type": [schema["type"], "null"]}


def count(of: str) -> Schema:
    """A whole number of things."""
    return {"type": "integer", "minimum": 0, "description": of}


def decimal(of: str) -> Schema:
    """An exact decimal, as text."""
    pattern = r"^-?[0-9]+(\.[0-9]+)?$"
    return {"type": "string", "pattern": pattern, "examples": ["0.25"], "description": of}


def text(of: str, *choices: str) -> Schema:
    """A string; of `choices` where there are any."""
    schema: Schema = {"type": "string", "description": of}
    return schema | {"enum": list(choices)} if choices else schema


def texts(of: str) -> Schema:
    """A list of strings."""
    return {"type": "array", "items": {"type": "string"}, "description": of}


def flag(of: str) -> Schema:
    """True or false."""
    return {"type": "boolean", "description": of}


def day(of: str) -> Schema:
    """A date of the tenant's calendar."""
    return {"type": "string", "format": "date", "description": of}


def moment(of: str) -> Schema:
    """A moment in UTC, to the microsecond."""
    return {"type": "string", "format": "date-time", "description": of}


def labelled(of: str) -> Schema:
    """An object of strings."""
    return {"type": "object", "additionalProperties": {"type": "string"}, "description": of}


def record(fields: dict[str, Schema], optional: Iterable[str] = (), of: str = "") -> Schema:
    """An object of exactly these fields; all are there but the `optional` ones."""
    schema: Schema = {
        "type": "object",
        "properties": fields,
        "required": [name for name in fields if name not in {*optional}],
        "additionalProperties": False,
    }
    return schema | {"description": of} if of else schema


def grouped(fields: dict[str, Schema], dimensions: Iterable[str], of: str) -> Schema:
    """A record that also bears what it was grouped by, each under its name and all in `group`."""
    values = {name: text(f"With group_by={name}.") for name in dimensions}
    group = {"group": labelled("The values it was grouped by, by dimension; with group_by only.")}
    schema = record({**values, **group, **fields}, optional=(*values, "group"), of=of)
    return schema | {"patternProperties": {r"^labels\.": {"type": "string"}}}


def rows_of(row: Schema) -> Schema:
    """What every list answers."""
    following = {
        "type": ["string", "null"],
        "format": "uri",
        "description": "Where the next page is; null after the last.",
    }
    return record({"rows": {"type": "array", "items": row}, "next": following})


PROBLEM = component(
    "Problem",
    {
        "type": "object",
        "description": "What went wrong (RFC 9457). `detail` names the field at fault.",
        "properties": {
            "type": text("Always about:blank."),
            "title": text("The kind of problem."),
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": text("What to change."),
            "errors": {"type": "object", "description": "By parameter, what is wrong with it."},
        },
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
    },
)
