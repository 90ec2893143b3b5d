"""What drf-spectacular is told of this product: names of operations, security, named schemas."""

import re
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from metering.openapi.schemas import COMPONENTS

# How the docstring of a view begins: `GET /api/v1/usage`: …
_ADDRESS = re.compile(r"^`(GET|POST|DELETE) /[^`]*`[^:]*: *")
_PREFIX = re.compile(r"^/(api/)?(v1/)?")


class Operation(AutoSchema):
    """One method of one path."""

    def get_operation_id(self) -> str:
        words = re.findall(r"[a-z0-9]+", _PREFIX.sub("", self.path))
        return "_".join([self.method.lower(), *words])

    def get_tags(self) -> list[str]:
        if self.method != "GET":
            return ["Ingestion"]
        return ["Reads"] if self.path.startswith("/api/v1/") else ["Installation"]

    def get_summary(self) -> str:
        return self._said()[0]

    def get_description(self) -> str:  # type: ignore[override]
        return self._said()[1]

    def _get_request_body(self, direction: str = "request") -> dict[str, Any] | None:
        """What is sent: with DELETE as well, which the generator does not ask for its body."""
        method = self.method
        self.method = "POST" if method == "DELETE" else method
        body: dict[str, Any] | None = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        self.method = method
        return body

    def _said(self) -> tuple[str, str]:
        """The first paragraph of the docstring, without the address it begins with; the rest."""
        first, _, rest = str(super().get_description()).partition("\n\n")
        summary = _ADDRESS.sub("", " ".join(first.split()))
        return summary[:1].upper() + summary[1:], rest.strip()


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Bearer, or Basic with the key as password."""

    target_class = "metering.authentication.ApiKeyAuthentication"
    name = ["bearer", "basic"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "description": "An API key."},
            {
                "type": "http",
                "scheme": "basic",
                "description": "An API key as password; the user name is ignored.",
            },
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return [{"bearer": []}, {"basic": []}]


def with_components(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """A hook of the generator: every schema that was given a name."""
    result["components"].setdefault("schemas", {}).update(sorted(COMPONENTS.items()))
    return result
