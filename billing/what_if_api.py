"""`GET /api/v1/bursts/what-if`: a chip under other contracts, and its least-cost baseline."""

from django.http import QueryDict
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from billing.rating.errors import ChargeError
from billing.what_if import what_if
from billing.what_if_question import Question, read_question
from billing.what_if_rows import what_if_json
from billing.what_if_schema import PARAMETERS, WHAT_IF
from metering.authentication import tenant_of
from metering.openapi.describe import shows
from metering.parameters import read_range

_OWN = frozenset({"chip", "from", "to", "baseline", "step", "format"})


@shows(WHAT_IF, *PARAMETERS)
class BurstWhatIf(APIView):
    """What a chip's work would have cost under other contracts.

    One row for the contract in force, each candidate, and the baseline that costs least.

    `baseline` may be repeated; any other field of a contract changes all candidates.
    """

    def get(self, request: Request) -> Response:
        tenant = tenant_of(request)
        period = read_range(request, tenant)
        chip = request.query_params.get("chip")
        if not chip:
            raise ValidationError({"chip": "is missing"})
        try:
            asked = _question(request.query_params)
            found = what_if(tenant, chip, period, asked.changes, asked.baselines, asked.step)
        except ChargeError as error:
            problem = str(error).removeprefix(f"{error.path}: ")
            raise ValidationError({error.path: problem}) from error
        return Response(what_if_json(found, tenant.currency))


def _question(params: QueryDict) -> Question:
    changes = {name: str(texts[-1]) for name, texts in params.lists() if name not in _OWN}
    return read_question(changes, params.getlist("baseline"), params.get("step"))
