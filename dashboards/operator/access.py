"""Pages for the operator's people: to everybody else they do not exist."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from dashboards.frame import render_operator_page
from dashboards.operator.months import MonthsError
from metering.queries import StoreUnavailable

OperatorView = Callable[..., HttpResponse]


def operator_page(view: OperatorView) -> OperatorView:
    """Staff only; a bad range and a store that is down are said in the page's own frame."""

    @login_required
    @wraps(view)
    def page(request: HttpRequest, *args: object, **named: object) -> HttpResponse:
        if not request.user.is_staff:
            raise Http404("there is no such page")
        try:
            return view(request, *args, **named)
        except MonthsError as error:
            return _problem(request, str(error), 400)
        except StoreUnavailable as error:
            response = _problem(request, f"The event store cannot be asked now: {error}", 503)
            response["Retry-After"] = "30"
            return response

    return page


def _problem(request: HttpRequest, problem: str, status: int) -> HttpResponse:
    template = "dashboards/operator/problem.html"
    return render_operator_page(request, template, {"problem": problem}, status)
