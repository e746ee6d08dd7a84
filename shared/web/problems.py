"""What went wrong, said in the reader's language: problem details to programs, a page to people (RFC 9457)."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from shared.i18n.catalogues import N_
from shared.web.forms import FormRefusedError
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.validation import explain, json_pointer

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

TEXTS: Mapping[int, tuple[str, str]] = {
    400: (
        N_("We cannot read this request"),
        N_("Something in the address or in the form is not right. Go back and try again."),
    ),
    401: (N_("Please sign in"), N_("Only organisers who are signed in can see this.")),
    403: (N_("You may not do this"), N_("If you think that you should be able to, please contact us.")),
    404: (N_("This page does not exist"), N_("The address is wrong, or the page is no longer there.")),
    405: (N_("This cannot be done here"), N_("Go back and try again.")),
    409: (
        N_("Something has changed in the meantime"),
        N_("Somebody was quicker, or this was done already. Look at how it is now, then try again."),
    ),
    410: (N_("This is no longer here"), N_("The link was used already, or its time is over.")),
    413: (N_("This is too much"), N_("What you sent is too large. Send less at once.")),
    422: (N_("Something is missing or not right"), N_("Check what you wrote, then send it again.")),
    429: (N_("Too many tries"), N_("Wait a little, then try again.")),
    500: (
        N_("Something went wrong on our side"),
        N_("It is not your fault. What you sent may not have arrived. Please try again in a few minutes."),
    ),
    503: (N_("We will be back soon"), N_("This does not work at the moment. Try again in a few minutes.")),
}


def install_problem_handlers(app: FastAPI, pages: Pages) -> None:
    """Answer each failure of `app` as a problem. Unexpected ones are answered by the edge middleware."""

    async def on_http(request: Request, error: Exception) -> Response:
        answer = problem_response(request, pages, as_problem(error))
        if answer.status_code == 405:
            answer.headers["allow"] = ", ".join(allowed_methods(request))
        return answer

    async def on_validation(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return validation_response(request, pages, error.errors())

    async def on_refused_form(request: Request, error: Exception) -> Response:
        if not isinstance(error, FormRefusedError):
            raise error
        typed = {"fields": error.fields, "shown": error.shown, "has_key": error.has_key}
        return pages.render(request, "send_again.html", error.status_code, personal=True, **typed)

    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(FormRefusedError, on_refused_form)


def allowed_methods(request: Request) -> list[str]:
    """What can be done with the request's path, over all of its routes (RFC 9110 §10.2.1); HEAD goes with GET."""
    routes = request.app.router.routes
    scopes = {method: {**request.scope, "method": "GET" if method == "HEAD" else method} for method in METHODS}
    return [
        method for method, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)
    ]


def as_problem(error: Exception) -> Problem:
    """Any HTTP failure as a problem. The detail of others is not shown: it may hold what was typed."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return Problem(error.status_code, headers=error.headers)
    return Problem(500)


def is_for_programs(request: Request) -> bool:
    """Whether the path belongs to an API, which answers in JSON."""
    return "api" in request.url.path.split("/")


def problem_response(request: Request, pages: Pages, problem: Problem) -> Response:
    """The answer to a request that failed."""
    title, detail = texts_for(request, pages, problem)
    reference = getattr(request.state, "request_id", "")
    if is_for_programs(request):
        body = problem.members(title, detail, reference)
        language = pages.reader(request).language
        response: Response = JSONResponse(body, problem.status_code, media_type="application/problem+json")
        response.headers["content-language"] = language
    else:
        response = pages.render(
            request, "error.html", problem.status_code, title=title, detail=detail, reference=reference
        )
    response.headers.update(problem.headers or {})
    return response


def texts_for(request: Request, pages: Pages, problem: Problem) -> tuple[str, str]:
    """The title and the explanation: the problem's own, else those of its status."""
    family = 500 if problem.status_code >= 500 else 400
    title, detail = TEXTS.get(problem.status_code, TEXTS[family])
    _ = pages.reader(request).gettext
    return problem.title or _(title), problem.explanation or _(detail)


def validation_response(request: Request, pages: Pages, found: Sequence[Any]) -> Response:
    """The answer to a request whose values do not fit: each one named, none echoed.

    A page's address with an impossible part names no page, so that is a 404 for people.
    """
    if not is_for_programs(request):
        in_path = any(error["loc"][:1] == ("path",) for error in found)
        return problem_response(request, pages, Problem(404 if in_path else 400))
    reader = pages.reader(request)
    errors = [place(error["loc"]) | {"detail": explain(error, reader)} for error in found]
    return problem_response(request, pages, Problem(422, "invalid", errors=errors))


def place(location: Sequence[str | int]) -> dict[str, str]:
    """Where the value stands: a pointer into the body, or the name of a parameter."""
    part, *rest = location
    if part == "body":
        inside = [] if len(rest) == 1 and isinstance(rest[0], int) else rest
        return {"pointer": json_pointer(inside)}
    return {"in": str(part), "parameter": "".join(str(name) for name in rest[:1])}
