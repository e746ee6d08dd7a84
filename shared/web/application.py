"""What makes a FastAPI application one of ours."""

from fastapi import FastAPI

from shared.web.headers import EdgeMiddleware
from shared.web.pages import Pages
from shared.web.problems import install_problem_handlers


def install_web(app: FastAPI, pages: Pages) -> None:
    """Give an application its assets, its error pages and the edge middleware.

    Call it last: the middleware that is added last is the outermost. Forms find `pages` in `app.state`.
    """
    app.state.pages = pages
    app.mount("/assets", pages.assets, name="assets")
    # A path with a slash too many would be answered with the address that the Host header claims.
    app.router.redirect_slashes = False
    install_problem_handlers(app, pages)
    app.add_middleware(EdgeMiddleware, pages=pages)
