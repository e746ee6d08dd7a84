"""The names and the attributes of our cookies: for this host alone, out of reach of scripts."""

from datetime import timedelta

from starlette.responses import Response


def cookie_name(name: str, *, secure: bool) -> str:
    """`__Host-` keeps a neighbouring subdomain from planting a cookie of its own (RFC 6265bis, section 4.1.3.2)."""
    return f"__Host-{name}" if secure else name


def set_cookie(response: Response, name: str, value: str, *, secure: bool, lifetime: timedelta | None = None) -> None:
    """Set one of our cookies. `name` is without prefix; without a lifetime it ends with the browser's session."""
    response.set_cookie(
        cookie_name(name, secure=secure),
        value,
        max_age=int(lifetime.total_seconds()) if lifetime else None,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def forget_cookie(response: Response, name: str, *, secure: bool) -> None:
    """Take one of our cookies back."""
    response.delete_cookie(cookie_name(name, secure=secure), path="/", secure=secure, httponly=True, samesite="lax")
